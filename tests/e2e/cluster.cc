#include "tests/e2e/cluster.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/files.h"
#include "gtest/gtest.h"

namespace octet::e2e {
namespace {

namespace fs = std::filesystem;

std::string Program(const std::string& name) { return absl::StrCat(OCTET_BIN_DIR, "/", name); }

std::string CommandLine(const std::string& pid) {
  std::string text = ReadFile(absl::StrCat("/proc/", pid, "/cmdline")).value_or("");
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

int OpenFor(const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC, 0644);
  EXPECT_GE(fd, 0) << path;
  return fd;
}

pid_t Spawn(std::vector<std::string> argv, int in, int out, int err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_adddup2(&actions, err, 2);
  pid_t pid = 0;
  auto pointers = Pointers(argv);
  EXPECT_EQ(posix_spawn(&pid, argv[0].c_str(), &actions, nullptr, pointers.data(), environ), 0)
      << argv[0];
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

}  // namespace

bool Eventually(const std::function<bool()>& condition, absl::Duration limit) {
  const absl::Time end = absl::Now() + limit;
  while (!condition()) {
    if (absl::Now() > end) return false;
    poll(nullptr, 0, 20);  // Between two looks at another process there is nothing to wait on.
  }
  return true;
}

std::vector<pid_t> FindProcesses(const std::vector<std::string>& words) {
  std::vector<pid_t> pids;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string line = CommandLine(name);
    if (std::all_of(words.begin(), words.end(),
                    [&](const std::string& word) { return absl::StrContains(line, word); }))
      pids.push_back(std::stoi(name));
  }
  return pids;
}

bool IsAlive(pid_t pid) {
  const std::string stat = ReadFile(absl::StrCat("/proc/", pid, "/stat")).value_or("");
  const size_t name_end = stat.rfind(')');
  return name_end != std::string::npos && stat[name_end + 2] != 'Z';
}

Cluster::Cluster() {
  char name[] = "/tmp/octet-e2e.XXXXXX";
  dir_ = mkdtemp(name);
}

Cluster::~Cluster() {
  for (const Daemon& daemon : daemons_) {
    kill(daemon.pid, SIGKILL);
    waitpid(daemon.pid, nullptr, 0);
  }
  for (pid_t pid : RankPids()) kill(pid, SIGKILL);
  if (testing::Test::HasFailure()) {
    for (const auto& entry : fs::directory_iterator(dir_))
      if (entry.path().extension() == ".log")
        GTEST_LOG_(INFO) << entry.path() << "\n" << ReadFile(entry.path()).value_or("");
  }
  std::error_code ignored;
  fs::remove_all(dir_, ignored);
}

pid_t Cluster::Launch(const std::vector<std::string>& argv, const std::string& log) {
  const int in = OpenFor("/dev/null", O_RDONLY);
  const int out = OpenFor(absl::StrCat(dir_, "/", log, ".log"), O_WRONLY | O_CREAT | O_APPEND);
  const pid_t pid = Spawn(argv, in, out, out);
  close(in);
  close(out);
  daemons_.push_back({log, pid});
  return pid;
}

void Cluster::StartScheduler(const std::string& config) {
  std::vector<std::string> argv = {Program("octet-scheduler"),
                                   "--dir",
                                   dir_,
                                   "--listen",
                                   absl::StrCat("unix:", dir_, "/scheduler.sock"),
                                   "--shared-filesystem",
                                   "--metrics",
                                   "127.0.0.1:0"};
  if (!config.empty()) {
    const std::string path = dir_ + "/config.yaml";
    std::ofstream(path) << config;
    argv.insert(argv.end(), {"--config", path});
  }
  Launch(argv, "scheduler");
  ASSERT_TRUE(Eventually([&] { return Octet({"nodes", "-o", "json"}).exit_code == 0; }));
}

void Cluster::StartAgent(const std::string& node, int cpu_slots,
                         const std::vector<std::string>& more) {
  std::vector<std::string> argv = {Program("octet-agent"),
                                   "--dir",
                                   absl::StrCat(dir_, "/", node),
                                   "--scheduler",
                                   absl::StrCat("unix:", dir_, "/scheduler.sock"),
                                   "--node",
                                   node,
                                   "--cpu-slots",
                                   absl::StrCat(cpu_slots),
                                   "--metrics",
                                   "127.0.0.1:0"};
  argv.insert(argv.end(), more.begin(), more.end());
  Launch(argv, node);
  ASSERT_TRUE(Eventually([&] {
    const auto nodes = nlohmann::json::parse(Octet({"nodes", "-o", "json"}).out, nullptr, false);
    if (!nodes.is_array()) return false;
    return std::any_of(nodes.begin(), nodes.end(), [&](const auto& entry) {
      return entry.value("name", "") == node && entry.value("state", "") == "NODE_STATE_READY";
    });
  }));
}

void Cluster::Kill(const std::string& name) {
  auto daemon = std::find_if(daemons_.begin(), daemons_.end(),
                             [&](const Daemon& d) { return d.name == name; });
  ASSERT_NE(daemon, daemons_.end());
  kill(daemon->pid, SIGKILL);
  waitpid(daemon->pid, nullptr, 0);
  daemons_.erase(daemon);
}

void Cluster::KillScheduler() { Kill("scheduler"); }
void Cluster::KillAgent(const std::string& node) { Kill(node); }

Outcome Cluster::Octet(std::vector<std::string> args, const std::string& in) const {
  args.insert(args.begin(), Program("octet"));
  char folder[] = "/tmp/octet-e2e-io.XXXXXX";
  const std::string io = mkdtemp(folder);
  std::ofstream(io + "/in") << in;
  const int fds[] = {OpenFor(io + "/in", O_RDONLY), OpenFor(io + "/out", O_WRONLY | O_CREAT),
                     OpenFor(io + "/err", O_WRONLY | O_CREAT)};
  setenv("OCTET_DIR", dir_.c_str(), 1);
  const absl::Time start = absl::Now();
  const pid_t pid = Spawn(args, fds[0], fds[1], fds[2]);
  for (int fd : fds) close(fd);
  int status = 0;
  waitpid(pid, &status, 0);
  Outcome outcome{WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                  ReadFile(io + "/out").value_or(""), ReadFile(io + "/err").value_or(""),
                  absl::Now() - start};
  fs::remove_all(io);
  return outcome;
}

std::string Cluster::Submit(const std::string& yaml) {
  const Outcome outcome = Octet({"submit", "-", "-o", "json"}, yaml);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto job = nlohmann::json::parse(outcome.out, nullptr, false);
  return job.is_object() ? job.value("job_id", "") : "";
}

nlohmann::json Cluster::Job(const std::string& id) const {
  return nlohmann::json::parse(Octet({"job", id, "-o", "json"}).out, nullptr, false);
}

nlohmann::json Cluster::Finish(const std::string& id, absl::Duration limit) const {
  nlohmann::json job;
  Eventually(
      [&] {
        job = Job(id);
        return job.is_object() && job.contains("end_time");
      },
      limit);
  return job;
}

pid_t Cluster::RankPid(const std::string& job, int rank) const {
  const auto pids = FindProcesses({"octet-trainer", dir_, absl::StrCat("/jobs/", job, " "),
                                   absl::StrCat("--rank ", rank, " ")});
  return pids.empty() ? 0 : pids.front();
}

std::vector<pid_t> Cluster::RankPids() const {
  std::vector<pid_t> pids = FindProcesses({"octet-trainer", dir_});
  const std::vector<pid_t> exporters = FindProcesses({"octet-exporter", dir_});
  pids.insert(pids.end(), exporters.begin(), exporters.end());
  return pids;
}

namespace {

void WriteBigEndian(std::ofstream& file, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) file.put(static_cast<char>(value >> shift));
}

void WriteSplit(const std::string& folder, const std::string& prefix, int images, uint32_t seed) {
  constexpr int kSize = 28;
  std::ofstream pixels(folder + "/" + prefix + "-images-idx3-ubyte", std::ios::binary);
  std::ofstream labels(folder + "/" + prefix + "-labels-idx1-ubyte", std::ios::binary);
  for (uint32_t value : {0x803u, static_cast<uint32_t>(images), 28u, 28u})
    WriteBigEndian(pixels, value);
  for (uint32_t value : {0x801u, static_cast<uint32_t>(images)}) WriteBigEndian(labels, value);
  std::mt19937 random(seed);
  for (int i = 0; i < images; ++i) {
    const int label = static_cast<int>(random() % 10);
    labels.put(static_cast<char>(label));
    for (int y = 0; y < kSize; ++y)
      for (int x = 0; x < kSize; ++x) {
        const bool bar = y / 3 == label && x > 4 && x < 24;
        pixels.put(static_cast<char>((bar ? 160 : 20) + random() % 80));
      }
  }
}

}  // namespace

void WriteBars(const std::string& folder, int train_images, int test_images) {
  fs::create_directories(folder);
  WriteSplit(folder, "train", train_images, 1);
  WriteSplit(folder, "t10k", test_images, 2);
}

std::string TrainJob(const std::string& data, int slots, double epochs, int nodes) {
  return absl::StrCat("name: bars\ntrain:\n  model: {name: cnn, width_multiplier: 0.25}\n",
                      "  dataset: {name: bars, format: idx, path: ", data, "}\n",
                      "  gang: {slots: ", slots, nodes > 0 ? absl::StrCat(", nodes: ", nodes) : "",
                      "}\n  batch_size: 64\n  epochs: ", epochs, "\n",
                      "  checkpoint: {every_steps: 20}\n");
}

}  // namespace octet::e2e
