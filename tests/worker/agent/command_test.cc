// Command jobs in an agent in this process, with real programs.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/temp_folder.h"
#include "tests/worker/agent/fake_scheduler.h"
#include "tests/worker/agent/scripts.h"
#include "tests/worker/agent/wait.h"
#include "worker/agent/agent.h"

namespace octet::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class CommandTest : public ::testing::Test {
 protected:
  CommandTest() {
    scheduler_.Up();
    AgentOptions options;
    options.dir = folder_ / "agent";
    options.scheduler = scheduler_.address();
    options.node = "n1";
    options.cpu_slots = 8;
    options.program_dir = folder_.path();
    auto agent = Agent::Start(options);
    EXPECT_TRUE(agent.ok()) << agent.status();
    agent_ = *std::move(agent);
  }

  // All of a gang of `ranks`, which run `script`.
  v1::SchedulerMessage Message(int ranks, const std::string& script) {
    return CommandMessage("j1", 1, ranks, {"sh", "-c", script}, agent_->node());
  }
  void Run(int ranks, const std::string& script) { scheduler_.Send(Message(ranks, script)); }
  void RunReading(const std::string& script) {
    v1::SchedulerMessage message = Message(1, script);
    message.mutable_start_attempt()->mutable_spec()->mutable_command()->set_stdin(true);
    scheduler_.Send(message);
  }
  void SendInput(int64_t offset, const std::string& data, bool end = false) {
    v1::SchedulerMessage message;
    v1::AttemptInput& input = *message.mutable_input();
    input.mutable_ref()->set_job_id("j1");
    input.mutable_ref()->set_attempt(1);
    input.set_offset(offset);
    input.set_data(data);
    input.set_end(end);
    scheduler_.Send(message);
  }
  void SendSignal(int signal) {
    v1::SchedulerMessage message;
    message.mutable_signal_attempt()->mutable_ref()->set_job_id("j1");
    message.mutable_signal_attempt()->mutable_ref()->set_attempt(1);
    message.mutable_signal_attempt()->set_signal(signal);
    scheduler_.Send(message);
  }
  std::string JobFile(const std::string& name) { return folder_ / "agent/jobs/j1/" + name; }
  bool Appears(const std::string& name) {
    return WaitUntil([&] { return Exists(JobFile(name)); });
  }
  std::string Log(const std::string& name) { return scheduler_.record().logs[name]; }
  v1::RanksEnded WaitForEnd() {
    return scheduler_.WaitForReport([](const auto& report) { return report.has_ended(); }).ended();
  }

  TempFolder folder_;
  FakeScheduler scheduler_{folder_ / "scheduler.sock"};
  std::unique_ptr<Agent> agent_;
};

TEST_F(CommandTest, RunsAsAGangInTheJobsFolderAndNeedsNoFileOfOctets) {
  Run(3, "echo $RANK of $WORLD_SIZE for $OCTET_JOB_ID on $OCTET_NODE in $PWD");
  EXPECT_TRUE(WaitForEnd().succeeded());
  EXPECT_EQ(Log("2.stdout"), "2 of 3 for j1 on n1 in " + folder_.path() + "/agent/jobs/j1\n");
  EXPECT_FALSE(Exists(folder_ / "agent/attempts/j1/1/start.json"));
  const auto started =
      scheduler_.WaitForReport([](const auto& report) { return report.has_started(); });
  EXPECT_EQ(started.started().pids_size(), 3);
}

TEST_F(CommandTest, LongOnesShowTheirOutputWhileTheyRun) {
  Run(1, "echo early; while [ ! -e go ]; do sleep 0.01; done; echo late");
  ASSERT_TRUE(scheduler_.WaitUntil([](const auto& record) {
    const auto log = record.logs.find("0.stdout");
    return log != record.logs.end() && log->second == "early\n";
  }));
  ASSERT_TRUE(WriteFileAtomic(JobFile("go"), "").ok());
  EXPECT_TRUE(WaitForEnd().succeeded());
  EXPECT_EQ(Log("0.stdout"), "early\nlate\n");
}

TEST_F(CommandTest, TheSlotsOfferAnEndpointEachThatTheirRankCanListenOn) {
  std::set<std::string> endpoints;
  for (const v1::Slot& slot : agent_->node().slots()) {
    EXPECT_THAT(slot.endpoint(), StartsWith("127.0.0.1:"));
    endpoints.insert(slot.endpoint());
  }
  EXPECT_EQ(endpoints.size(), 8u);
  // Rank 0 serves, rank 1 reads from it, as through a rendezvous.
  Run(2, R"(
    if [ $RANK = 0 ]; then exec python3 -c "
import os, socket
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind((os.environ['MASTER_ADDR'], int(os.environ['MASTER_PORT'])))
server.listen()
server.accept()[0].sendall(b'met')
"
    else exec python3 -c "
import os, socket, time
while True:
  try: peer = socket.create_connection((os.environ['MASTER_ADDR'], int(os.environ['MASTER_PORT'])))
  except ConnectionRefusedError: time.sleep(0.01)
  else: break
print(peer.recv(3).decode())
"
    fi)");
  const v1::RanksEnded ended = WaitForEnd();
  EXPECT_TRUE(ended.succeeded()) << ended.DebugString();
  EXPECT_EQ(Log("1.stdout"), "met\n");
}

TEST_F(CommandTest, AnExitCodeIsTheJobsFailure) {
  Run(1, "echo why >&2; exit 75");
  const v1::Failure failure = WaitForEnd().failure();
  EXPECT_EQ(failure.failure_class(), v1::FAILURE_CLASS_JOB);
  EXPECT_EQ(failure.message(), "rank 0 on node n1 ended with exit code 75");
  EXPECT_EQ(failure.exit_code(), 75);
  EXPECT_THAT(failure.stderr_tail(), ElementsAre("why"));
}

TEST_F(CommandTest, ASignalFromElsewhereIsALostRank) {
  Run(2, "[ $RANK = 0 ] || kill -SEGV $$; exec sleep 1000");
  const v1::Failure failure = WaitForEnd().failure();
  EXPECT_EQ(failure.failure_class(), v1::FAILURE_CLASS_RANK_LOST);
  EXPECT_EQ(failure.rank(), 1);
  EXPECT_EQ(failure.signal(), SIGSEGV);
}

TEST_F(CommandTest, ACommandThatIsNotThereIsTheJobsFailure) {
  scheduler_.Send(CommandMessage("j1", 1, 1, {"no-such-program"}, agent_->node()));
  const v1::Failure failure = WaitForEnd().failure();
  EXPECT_EQ(failure.failure_class(), v1::FAILURE_CLASS_JOB);
  EXPECT_THAT(failure.message(), HasSubstr("command not found: no-such-program"));
  EXPECT_EQ(failure.exit_code(), 127);
}

TEST_F(CommandTest, ACommandThatCannotBeRunIsTheJobsFailure) {
  scheduler_.Send(CommandMessage("j1", 1, 1, {"/etc/passwd"}, agent_->node()));
  const v1::Failure failure = WaitForEnd().failure();
  EXPECT_EQ(failure.failure_class(), v1::FAILURE_CLASS_JOB);
  EXPECT_THAT(failure.message(), HasSubstr("command not found: /etc/passwd"));
  EXPECT_EQ(failure.exit_code(), 126);
}

TEST_F(CommandTest, OneThatWasAskedToStopIsStoppedHoweverItEnds) {
  const std::string wait = "touch ready-$RANK; while :; do sleep 0.01; done";
  Run(3, "[ $RANK = 0 ] && trap 'exit 0' TERM; [ $RANK = 1 ] && trap 'exit 3' TERM; " + wait);
  for (const char* ready : {"ready-0", "ready-1", "ready-2"}) ASSERT_TRUE(Appears(ready));
  scheduler_.Send(StopMessage("j1", 1, /*grace_seconds=*/60));
  const v1::RanksEnded ended = WaitForEnd();
  EXPECT_TRUE(ended.stopped()) << ended.DebugString();
  EXPECT_FALSE(ended.succeeded());
  EXPECT_FALSE(ended.has_failure());
}

TEST_F(CommandTest, StopAsksTheWholeGroupAndKillsWhatStaysAndWhatHasLeftIt) {
  Run(1, R"(
    sh -c 'trap "touch asked" TERM; echo $$ > child; while :; do sleep 0.01; done' &
    (setsid env -i sh -c 'trap "" TERM; echo $$ > escaped; while :; do sleep 0.01; done' &)
    trap '' TERM; touch deaf; while :; do sleep 0.01; done)");
  const auto pid = [this](const char* name) { return ReadPid(JobFile(name)); };
  ASSERT_TRUE(WaitUntil([&] { return pid("child") > 0 && pid("escaped") > 0; }));
  ASSERT_TRUE(Appears("deaf"));
  scheduler_.Send(StopMessage("j1", 1, /*grace_seconds=*/3600));
  ASSERT_TRUE(Appears("asked"));
  EXPECT_FALSE(IsGone(pid("escaped")));
  scheduler_.Send(StopMessage("j1", 1, /*grace_seconds=*/0));
  EXPECT_TRUE(WaitForEnd().stopped());
  EXPECT_TRUE(IsGone(pid("child")));
  EXPECT_TRUE(IsGone(pid("escaped")));
}

TEST_F(CommandTest, AHaltedRankCanLeave) {
  Run(1, "trap 'exit 0' TERM; echo $$ > ready; while :; do sleep 0.01; done");
  ASSERT_TRUE(WaitUntil([&] { return ReadPid(JobFile("ready")) > 0; }));
  SendSignal(SIGSTOP);
  scheduler_.Send(StopMessage("j1", 1, /*grace_seconds=*/3600));
  EXPECT_TRUE(WaitForEnd().stopped());
}

TEST_F(CommandTest, SignalsOfTheUserReachEveryRank) {
  Run(2, "trap 'echo heard; exit 0' USR1; touch ready-$RANK; while :; do sleep 0.01; done");
  for (const char* ready : {"ready-0", "ready-1"}) ASSERT_TRUE(Appears(ready));
  SendSignal(SIGUSR1);
  EXPECT_TRUE(WaitForEnd().succeeded());
  EXPECT_EQ(Log("0.stdout"), "heard\n");
  EXPECT_EQ(Log("1.stdout"), "heard\n");
}

TEST_F(CommandTest, ASignalOfTheUserThatEndsARankIsTheJobsFailure) {
  Run(1, "touch ready; exec sleep 1000");
  ASSERT_TRUE(Appears("ready"));
  SendSignal(SIGINT);
  const v1::Failure failure = WaitForEnd().failure();
  EXPECT_EQ(failure.failure_class(), v1::FAILURE_CLASS_JOB);
  EXPECT_EQ(failure.signal(), SIGINT);
  EXPECT_THAT(failure.message(), HasSubstr("signal 2 (SIGINT), as its user asked"));
}

TEST_F(CommandTest, RankZeroReadsWhatIsSentOnceAndInOrder) {
  RunReading("cat");
  SendInput(0, "one ");
  SendInput(0, "one ");
  SendInput(2, "e two ");
  SendInput(100, "after a gap");
  SendInput(8, "three", /*end=*/true);
  EXPECT_TRUE(WaitForEnd().succeeded());
  EXPECT_EQ(Log("0.stdout"), "one two three");
}

TEST_F(CommandTest, ARankThatDoesNotReadHoldsUpNothing) {
  RunReading("while [ ! -e go ]; do sleep 0.01; done; wc -c");
  // More than a pipe holds.
  const std::string piece(200 << 10, 'x');
  for (int i = 0; i < 5; ++i) SendInput(i * static_cast<int64_t>(piece.size()), piece);
  SendInput(5 * static_cast<int64_t>(piece.size()), "", /*end=*/true);
  const int heartbeats = scheduler_.record().heartbeats;
  EXPECT_TRUE(
      scheduler_.WaitUntil([&](const auto& record) { return record.heartbeats > heartbeats + 2; }));
  ASSERT_TRUE(WriteFileAtomic(JobFile("go"), "").ok());
  EXPECT_TRUE(WaitForEnd().succeeded());
  EXPECT_EQ(Log("0.stdout"), absl::StrCat(5 * piece.size(), "\n"));
}

TEST_F(CommandTest, InputThatNobodyReadsIsDropped) {
  RunReading("exec <&-; touch closed; while [ ! -e go ]; do sleep 0.01; done");
  ASSERT_TRUE(Appears("closed"));
  SendInput(0, "nobody");
  SendInput(6, " reads", /*end=*/true);
  ASSERT_TRUE(WriteFileAtomic(JobFile("go"), "").ok());
  EXPECT_TRUE(WaitForEnd().succeeded());
}

TEST_F(CommandTest, WithoutInputThereIsNothingToRead) {
  Run(1, "cat; echo done");
  EXPECT_TRUE(WaitForEnd().succeeded());
  EXPECT_EQ(Log("0.stdout"), "done\n");
}

TEST_F(CommandTest, FailsWithTheMachineWhenItsKeeperIsKilled) {
  Run(1, "echo $PPID > keeper; (setsid sleep 1000 & echo $! > escaped); exec sleep 1000");
  ASSERT_TRUE(
      WaitUntil([&] { return ReadPid(JobFile("keeper")) > 0 && ReadPid(JobFile("escaped")) > 0; }));
  kill(ReadPid(JobFile("keeper")), SIGKILL);
  EXPECT_EQ(WaitForEnd().failure().failure_class(), v1::FAILURE_CLASS_RANK_LOST);
  EXPECT_TRUE(IsGone(ReadPid(JobFile("escaped"))));
}

}  // namespace
}  // namespace octet::agent
