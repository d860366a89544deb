// The real octet-agent program: what only a process of its own can show.
#include <signal.h>
#include <unistd.h>

#include <map>

#include "common/files.h"
#include "common/process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/temp_folder.h"
#include "tests/worker/agent/fake_scheduler.h"
#include "tests/worker/agent/scripts.h"
#include "tests/worker/agent/wait.h"

namespace octet::agent {
namespace {

using ::testing::HasSubstr;

std::string ReadAll(int fd) {
  std::string all;
  char piece[4096];
  for (ssize_t n; (n = read(fd, piece, sizeof(piece))) > 0;) all.append(piece, n);
  return all;
}

std::string ReadLine(int fd) {
  std::string line;
  for (char c; read(fd, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

class ProgramTest : public ::testing::Test {
 protected:
  ProgramTest() { scheduler_.Up(); }

  std::unique_ptr<Process> Run(const std::vector<std::string>& more = {"--cpu-slots", "4"},
                               const std::map<std::string, std::string>& env = {}) {
    ProcessOptions options;
    options.argv = {OCTET_AGENT_PROGRAM};
    for (const std::string& argument :
         {std::string("--dir"), folder_ / "agent", std::string("--scheduler"), scheduler_.address(),
          std::string("--node"), std::string("n1"), std::string("--program-dir"),
          folder_ / "programs"})
      options.argv.push_back(argument);
    options.argv.insert(options.argv.end(), more.begin(), more.end());
    options.env = env;
    options.out = ChildOutput::Pipe();
    options.err = ChildOutput::Pipe();
    auto process = Process::Spawn(options);
    EXPECT_TRUE(process.ok()) << process.status();
    return *std::move(process);
  }
  std::vector<pid_t> StartRanks(int ranks, const std::string& trainer) {
    WriteScript(folder_ / "programs/octet-trainer", trainer);
    scheduler_.Send(StartMessage("j1", 1, ranks));
    const auto report =
        scheduler_.WaitForReport([](const auto& report) { return report.has_started(); });
    return {report.started().pids().begin(), report.started().pids().end()};
  }

  // One rank, with its pids in files of the job's.
  void StartCommand(const std::string& script) {
    ASSERT_TRUE(scheduler_.WaitUntil([](const auto& record) { return !record.hellos.empty(); }));
    scheduler_.Send(
        CommandMessage("j1", 1, 1, {"sh", "-c", script}, scheduler_.record().hellos.back().node()));
    ASSERT_TRUE(WaitUntil([&] { return JobPid("escaped") > 0 && JobPid("keeper") > 0; }));
  }
  pid_t JobPid(const std::string& name) { return ReadPid(folder_ / "agent/jobs/j1/" + name); }

  TempFolder folder_;
  FakeScheduler scheduler_{folder_ / "scheduler.sock"};
};

TEST_F(ProgramTest, SaysWhereItListensAndEndsOnSigterm) {
  auto agent = Run();
  EXPECT_EQ(ReadLine(agent->out_fd()), "listening on unix:" + folder_.path() + "/agent/ranks.sock");
  agent->Signal(SIGTERM);
  EXPECT_TRUE(agent->Wait().ok());
}

TEST_F(ProgramTest, SigtermLetsRanksLeave) {
  auto agent = Run();
  StartRanks(2, "trap 'exit 75' TERM; touch ready-$RANK; while :; do sleep 0.01; done");
  ASSERT_TRUE(WaitUntil([&] {
    return Exists(folder_ / "agent/jobs/j1/ready-0") && Exists(folder_ / "agent/jobs/j1/ready-1");
  }));
  agent->Signal(SIGTERM);
  EXPECT_TRUE(agent->Wait().ok());
  EXPECT_TRUE(scheduler_.WaitForReport([](const auto& report) { return report.has_ended(); })
                  .ended()
                  .stopped());
}

TEST_F(ProgramTest, KilledAgentLeavesNoOrphans) {
  auto agent = Run();
  const auto pids = StartRanks(4, "exec sleep 1000");
  ASSERT_EQ(pids.size(), 4u);
  kill(agent->pid(), SIGKILL);
  EXPECT_EQ(agent->Wait(), ExitStatus{.signal = SIGKILL});
  for (pid_t pid : pids) EXPECT_TRUE(WaitUntil([&] { return IsGone(pid); })) << pid;
}

// A job that starts a program outside of its process group and session.
constexpr char kEscapes[] =
    "(setsid sh -c 'echo $$ > escaped; exec sleep 1000' &); echo $PPID > keeper; exec sleep 1000";

TEST_F(ProgramTest, NothingOfACommandSurvivesTheKilledAgent) {
  auto agent = Run();
  StartCommand(kEscapes);
  kill(agent->pid(), SIGKILL);
  agent->Wait();
  EXPECT_TRUE(WaitUntil([&] { return IsGone(JobPid("escaped")); }));
  EXPECT_TRUE(WaitUntil([&] { return IsGone(JobPid("keeper")); }));
}

TEST_F(ProgramTest, TheNextLifeKillsWhatOutlivedAgentAndKeeper) {
  auto first = Run();
  StartCommand(kEscapes);
  // As `pkill -9 octet` or a full memory may do; the agent cannot act between.
  kill(first->pid(), SIGSTOP);
  kill(JobPid("keeper"), SIGKILL);
  kill(first->pid(), SIGKILL);
  first->Wait();
  EXPECT_FALSE(IsGone(JobPid("escaped")));
  auto second = Run();
  ReadLine(second->out_fd());
  EXPECT_TRUE(IsGone(JobPid("escaped")));
}

TEST_F(ProgramTest, NextLifeStartsOnTheFolderOfAKilledOne) {
  auto first = Run();
  StartRanks(1, "exec sleep 1000");
  kill(first->pid(), SIGKILL);
  first->Wait();
  auto second = Run();
  ASSERT_TRUE(scheduler_.WaitUntil([](const auto& record) { return record.hellos.size() >= 2; }));
  const auto hellos = scheduler_.record().hellos;
  EXPECT_NE(hellos.front().agent_instance(), hellos.back().agent_instance());
  EXPECT_EQ(hellos.back().running_size(), 0);
}

TEST_F(ProgramTest, SecondAgentOnTheFolderIsRefused) {
  auto first = Run();
  ReadLine(first->out_fd());
  auto second = Run();
  EXPECT_EQ(second->Wait(), ExitStatus{.exit_code = 1});
  const std::string message = ReadAll(second->err_fd());
  EXPECT_THAT(message,
              HasSubstr("another octet-agent (process " + std::to_string(first->pid()) + ")"));
  EXPECT_THAT(message, HasSubstr(folder_ / "agent"));
}

TEST_F(ProgramTest, OffersTheGpusThatNvmlListsAndGivesARankItsOwn) {
  auto agent = Run({}, {{"LD_LIBRARY_PATH", OCTET_FAKE_NVML_FOLDER}});
  ASSERT_EQ(StartRanks(2, "echo $CUDA_VISIBLE_DEVICES $6").size(), 2u);
  const v1::Node node = scheduler_.record().hellos[0].node();
  ASSERT_EQ(node.slots_size(), 2);
  EXPECT_EQ(node.slots(1).index(), 1);
  EXPECT_EQ(node.slots(1).resource(), "gpu");
  EXPECT_EQ(node.slots(1).model(), "NVIDIA H100 80GB HBM3");
  EXPECT_EQ(node.slots(1).uuid(), "GPU-second");
  EXPECT_EQ(node.slots(1).memory_bytes(), int64_t{80} << 30);
  scheduler_.WaitForReport([](const auto& report) { return report.has_ended(); });
  EXPECT_EQ(scheduler_.record().logs.at("1.stdout"), "GPU-second cuda:0\n");
}

TEST_F(ProgramTest, OffersTpuSlotsLabelsAndItsLifetime) {
  auto agent =
      Run({"--tpu-slots", "2", "--label", "switch=a", "--label", "zone=b=c", "--lifetime", "12h"});
  ASSERT_TRUE(scheduler_.WaitUntil([](const auto& record) { return !record.hellos.empty(); }));
  const v1::Node node = scheduler_.record().hellos[0].node();
  ASSERT_EQ(node.slots_size(), 2);
  EXPECT_EQ(node.slots(1).resource(), "tpu");
  EXPECT_EQ(node.slots(1).model(), "TPU");
  EXPECT_EQ(node.labels().at("switch"), "a");
  EXPECT_EQ(node.labels().at("zone"), "b=c");
  EXPECT_TRUE(node.has_end_of_life_time());
}

TEST_F(ProgramTest, ABrokenDriverIsAnErrorWithTheWayOut) {
  auto agent =
      Run({}, {{"LD_LIBRARY_PATH", OCTET_FAKE_NVML_FOLDER}, {"OCTET_FAKE_NVML_BROKEN", "1"}});
  EXPECT_EQ(agent->Wait(), ExitStatus{.exit_code = 1});
  const std::string message = ReadAll(agent->err_fd());
  EXPECT_THAT(message, HasSubstr("Driver Not Loaded"));
  EXPECT_THAT(message, HasSubstr("--cpu-slots"));
}

TEST_F(ProgramTest, WrongFlagsAreUsageErrors) {
  for (const std::vector<std::string>& flags :
       std::vector<std::vector<std::string>>{{"--stop-grace", "never"},
                                             {"--lifetime", "soon"},
                                             {"--label", "rack"},
                                             {"--cpu-slots", "0"},
                                             {"--cpu-slots", "1", "--tpu-slots", "1"},
                                             {"--no-such-flag"}})
    EXPECT_EQ(Run(flags)->Wait(), ExitStatus{.exit_code = 2}) << flags[0];
}

}  // namespace
}  // namespace octet::agent
