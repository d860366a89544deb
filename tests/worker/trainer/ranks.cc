#include "tests/worker/trainer/ranks.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "worker/trainer/rank_link.h"
#include "worker/trainer/trainer.h"

namespace octet::trainer {
namespace {

std::string RecordPath(const TrainerOptions& options, int rank) {
  return absl::StrCat(options.folder, "/record.", rank);
}

// Writes reports down for the parent, one a line.
class RecordingLink : public RankLink {
 public:
  RecordingLink(const TrainerOptions& options, const RankFaults& faults,
                const std::vector<pid_t>& peers)
      : faults_(faults),
        peers_(peers),
        first_(options.rank == 0),
        local_(LocalLink(options.folder + "/rendezvous", /*rank=*/1)),
        record_(RecordPath(options, options.rank)) {}

  absl::Status OpenRendezvous(int port) override { return local_->OpenRendezvous(port); }
  absl::StatusOr<std::string> GetRendezvous(absl::Duration wait) override {
    return local_->GetRendezvous(wait);
  }
  absl::Status Send(const Report& report) override {
    std::visit([this](const auto& part) { Write(part); }, report);
    record_.flush();
    return absl::OkStatus();
  }

 private:
  void Write(const Progress& progress) {
    record_.precision(17);
    record_ << "step " << progress.step << ' ' << progress.loss << '\n';
    if (first_ && progress.step == faults_.kill_step && faults_.kill_rank > 0)
      kill(peers_[faults_.kill_rank - 1], SIGKILL);
  }
  void Write(const FileReady& file) { record_ << "file " << file.artifact << '\n'; }
  void Write(const Result& result) {
    record_ << "result " << result.weights_sha256 << ' ' << result.top1 << '\n';
  }
  void Write(const Failure& failure) {
    record_ << "failure " << failure.secondary << ' ' << failure.message << '\n';
  }
  void Write(const Resumed& resumed) { record_ << "resumed " << resumed.step << '\n'; }

  const RankFaults& faults_;
  const std::vector<pid_t>& peers_;  // of ranks 1, 2, ..., all of them known to rank 0 alone
  const bool first_;
  const std::unique_ptr<RankLink> local_;
  std::ofstream record_;
};

[[noreturn]] void RunOne(const TrainerOptions& options, const RankFaults& faults,
                         const std::vector<pid_t>& peers) {
  std::signal(SIGPIPE, SIG_IGN);  // As octet-trainer's main.
  RecordingLink link(options, faults, peers);
  if (faults.file_limit > 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{static_cast<rlim_t>(faults.file_limit),
                       static_cast<rlim_t>(faults.file_limit)};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  const std::atomic<bool> stop = faults.stop_rank == options.rank;
  const auto outcome = Train(options, link, stop);
  if (outcome.ok()) _exit(*outcome == Outcome::kStopped ? 75 : 0);
  (void)link.Send(ToFailure(outcome.status()));
  _exit(1);
}

pid_t Fork(TrainerOptions options, int rank, const RankFaults& faults,
           const std::vector<pid_t>& peers) {
  options.rank = rank;
  const pid_t pid = fork();
  if (pid == 0) RunOne(options, faults, peers);
  return pid;
}

RankRun Read(const TrainerOptions& options, int rank, int status) {
  RankRun run;
  if (WIFEXITED(status)) run.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) run.signal = WTERMSIG(status);
  std::ifstream record(RecordPath(options, rank));
  for (std::string word; record >> word;) {
    if (word == "step") record >> run.last_step >> run.losses.emplace_back();
    if (word == "file") record >> run.artifacts.emplace_back();
    if (word == "result") record >> run.weights_sha256 >> run.top1;
    if (word == "resumed") record >> run.resumed_step;
    if (word == "failure") std::getline(record >> run.secondary, run.failure);
  }
  return run;
}

}  // namespace

std::vector<RankRun> RunRanks(const TrainerOptions& options, const RankFaults& faults) {
  std::filesystem::create_directories(options.folder);
  std::filesystem::remove(options.folder + "/rendezvous");
  std::vector<pid_t> peers;
  for (int rank = 1; rank < options.world_size; ++rank)
    peers.push_back(Fork(options, rank, faults, {}));
  std::vector<pid_t> all = {Fork(options, 0, faults, peers)};  // last: it knows the others
  all.insert(all.end(), peers.begin(), peers.end());
  std::vector<RankRun> runs;
  for (int rank = 0; rank < options.world_size; ++rank) {
    int status = 0;
    waitpid(all[rank], &status, 0);
    runs.push_back(Read(options, rank, status));
  }
  return runs;
}

}  // namespace octet::trainer
