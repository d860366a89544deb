// octet-trainer: one rank of a training job. The agent starts it with --start
// and --agent; --job and --rendezvous-file are for ranks started by hand.
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>

#include "CLI/CLI.hpp"
#include "common/files.h"
#include "common/log.h"
#include "common/version.h"
#include "worker/trainer/rank_link.h"
#include "worker/trainer/start_file.h"
#include "worker/trainer/trainer.h"

namespace octet::trainer {
namespace {

constexpr int kFailed = 1;
constexpr int kStoppedOnRequest = 75;  // EX_TEMPFAIL: to be started again

std::atomic<bool> stop{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set in a signal handler");

struct Flags {
  std::string start, job, agent, agent_key, rendezvous, device = "cpu", dir = ".", position;
  int rank = 0, world_size = 1;
  double report_every = 1.0;
};

int Parse(int argc, char** argv, Flags& flags) {
  CLI::App app("One rank of a training job.", "octet-trainer");
  app.set_version_flag("--version", Version());
  auto* start = app.add_option("--start", flags.start, "StartAttempt message as JSON");
  auto* job = app.add_option("--job", flags.job, "JobSpec as JSON, to run by hand");
  start->excludes(job);
  app.add_option("--rank", flags.rank, "This process's rank, from 0")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--world-size", flags.world_size, "Ranks in all; with --job")->needs(job);
  app.add_option("--device", flags.device, "cpu or cuda:N");
  app.add_option("--agent", flags.agent, "The agent's socket, unix:PATH");
  app.add_option("--agent-key", flags.agent_key, "File with the attempt's key, for the agent");
  app.add_option("--rendezvous-file", flags.rendezvous,
                 "Without --agent: where rank 0 tells the others its address; must not exist yet");
  app.add_option("--dir", flags.dir, "Folder for checkpoints and the model");
  app.add_option("--position", flags.position, "File that tells the agent where this rank is");
  app.add_option("--report-every", flags.report_every,
                 "Seconds between progress reports; 0: every step");
  app.parse_complete_callback([&] {
    if (flags.start.empty() == flags.job.empty())
      throw CLI::ValidationError("one of --start and --job is needed");
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return -1;
}

// Threads of a broken collective may still wait for a peer that is gone: the
// process ends without them.
[[noreturn]] void End(int code) {
  std::fflush(nullptr);
  spdlog::default_logger()->flush();
  _exit(code);
}

int Main(const Flags& flags) {
  absl::StatusOr<StartFile> file =
      flags.start.empty() ? ReadJobFile(flags.job, flags.world_size) : ReadStartFile(flags.start);
  if (!file.ok()) {
    spdlog::error("{}", std::string(file.status().message()));
    return kFailed;
  }
  TrainerOptions& options = file->options;
  options.rank = flags.rank;
  options.device = flags.device;
  options.folder = flags.dir;
  options.position = flags.position;
  options.report_interval = absl::Seconds(flags.report_every);
  const absl::StatusOr<std::string> key =
      flags.agent_key.empty() ? std::string() : octet::ReadFile(flags.agent_key);
  if (!key.ok()) {
    spdlog::error("{}", std::string(key.status().message()));
    return kFailed;
  }
  const std::unique_ptr<RankLink> link =
      flags.agent.empty() ? LocalLink(flags.rendezvous, flags.rank)
                          : AgentLink(flags.agent, options.job, file->attempt, flags.rank, *key);
  const absl::StatusOr<Outcome> outcome = Train(options, *link, stop);
  if (outcome.ok()) End(*outcome == Outcome::kStopped ? kStoppedOnRequest : 0);
  const Failure failure = ToFailure(outcome.status());
  spdlog::error("rank {}: {}", flags.rank, failure.message);
  if (const absl::Status told = link->Send(failure); !told.ok())
    spdlog::error("cannot report it: {}", std::string(told.message()));
  End(kFailed);
}

}  // namespace
}  // namespace octet::trainer

int main(int argc, char** argv) {
  using namespace octet::trainer;
  KeepMemory();
  octet::InitLog("octet-trainer");
  Flags flags;
  if (const int code = Parse(argc, argv, flags); code >= 0) return code;
  // A peer that died is an error of the all-reduce, not this rank's end.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGTERM, [](int) { stop = true; });
  std::signal(SIGINT, [](int) { stop = true; });
  return Main(flags);
}
