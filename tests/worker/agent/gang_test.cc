#include "worker/agent/gang.h"

#include <signal.h>

#include <thread>

#include "common/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/temp_folder.h"
#include "tests/worker/agent/wait.h"

namespace octet::agent {
namespace {

constexpr ExitStatus kKilled{.signal = SIGKILL};

RankCommand Script(int rank, const std::string& script) {
  RankCommand command{.rank = rank};
  command.program = "/bin/sh";
  command.argv = {"sh", "-c", script};
  return command;
}

// A rank that ends only when it is killed.
RankCommand Sleeper(int rank) { return Script(rank, "exec sleep 1000"); }

class GangTest : public ::testing::Test {
 protected:
  std::vector<RankOutcome> Run(const std::vector<RankCommand>& commands) {
    const absl::Status started = gang_.Start(commands);
    EXPECT_TRUE(started.ok()) << started;
    return gang_.Wait();
  }

  LocalGang gang_;
};

TEST_F(GangTest, WaitsForAllAndKeepsTheOrderOfTheEnds) {
  TempFolder folder;
  const std::string gate = folder / "gate";
  const auto outcomes = Run(
      {Script(0, "while [ ! -e " + gate + " ]; do sleep 0.01; done"), Script(1, "touch " + gate)});
  ASSERT_EQ(outcomes.size(), 2u);
  EXPECT_TRUE(outcomes[0].exit.ok());
  EXPECT_TRUE(outcomes[1].exit.ok());
}

TEST_F(GangTest, ASignalFromElsewhereEndsTheRestAtOnce) {
  const auto outcomes = Run({Sleeper(0), Script(1, "kill -KILL $$"), Sleeper(2)});
  ASSERT_EQ(outcomes.size(), 3u);
  EXPECT_EQ(outcomes[0].rank, 1);
  EXPECT_FALSE(outcomes[0].signalled_here);
  for (int i : {1, 2}) {
    EXPECT_EQ(outcomes[i].exit, kKilled);
    EXPECT_TRUE(outcomes[i].signalled_here);
  }
}

TEST_F(GangTest, AFailedRankEndsTheRest) {
  const auto outcomes = Run({Sleeper(0), Script(1, "exit 1")});
  ASSERT_EQ(outcomes.size(), 2u);
  EXPECT_EQ(outcomes[0].exit, ExitStatus{.exit_code = 1});
  EXPECT_EQ(outcomes[1].exit, kKilled);
}

TEST_F(GangTest, ARankThatSaysItFailedButDoesNotLeaveIsKilled) {
  v1::Failure failure;
  failure.set_message("why");
  gang_.NoteFailure(0, failure);
  const auto outcomes = Run({Sleeper(0), Sleeper(1)});
  ASSERT_EQ(outcomes.size(), 2u);
  for (const RankOutcome& outcome : outcomes) {
    EXPECT_EQ(outcome.exit, kKilled);
    EXPECT_EQ(outcome.reported.has_value(), outcome.rank == 0);
  }
}

TEST_F(GangTest, RanksThatAreDoneDoNotEndTheRest) {
  TempFolder folder;
  const std::string gate = folder / "gate";
  const std::vector<RankCommand> commands = {
      Script(0, "exit 0"), Script(1, "while [ ! -e " + gate + " ]; do sleep 0.01; done; exit 0")};
  ASSERT_TRUE(gang_.Start(commands).ok());
  const pid_t first = gang_.pids()[0];
  std::vector<RankOutcome> outcomes;
  std::thread waiter([&] { outcomes = gang_.Wait(); });
  EXPECT_TRUE(WaitUntil([&] { return IsGone(first); }));
  ASSERT_TRUE(WriteFileAtomic(gate, "").ok());
  waiter.join();
  ASSERT_EQ(outcomes.size(), 2u);
  EXPECT_TRUE(outcomes[1].exit.ok());
}

TEST_F(GangTest, StopLetsRanksLeave) {
  TempFolder folder;
  const std::string ready = folder / "ready";
  ASSERT_TRUE(gang_
                  .Start({Script(
                      0, "trap 'exit 75' TERM; touch " + ready + "; while :; do sleep 0.01; done")})
                  .ok());
  ASSERT_TRUE(WaitUntil([&] { return Exists(ready); }));
  gang_.Stop(absl::Minutes(1));
  EXPECT_TRUE(gang_.stop_requested());
  const auto outcomes = gang_.Wait();
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_EQ(outcomes[0].exit, ExitStatus{.exit_code = kStoppedExitCode});
}

TEST_F(GangTest, StopKillsWhatDoesNotLeaveAndASecondStopShortensTheGrace) {
  TempFolder folder;
  const std::string ready = folder / "ready";
  ASSERT_TRUE(
      gang_.Start({Script(0, "trap '' TERM; touch " + ready + "; while :; do sleep 0.01; done")})
          .ok());
  ASSERT_TRUE(WaitUntil([&] { return Exists(ready); }));
  gang_.Stop(absl::Hours(1));
  gang_.Stop(absl::ZeroDuration());
  const auto outcomes = gang_.Wait();
  EXPECT_EQ(outcomes[0].exit, kKilled);
  EXPECT_TRUE(outcomes[0].signalled_here);
}

TEST_F(GangTest, OneRankGoneByTheStopDoesNotCostTheOthersTheirGrace) {
  TempFolder folder;
  const std::string ready = folder / "ready", gate = folder / "gate";
  // Rank 0 dies of SIGTERM; rank 1 takes its time, then leaves as it should.
  ASSERT_TRUE(gang_
                  .Start({Sleeper(0), Script(1, "trap 'while [ ! -e " + gate +
                                                    " ]; do sleep 0.01; done; exit 75' "
                                                    "TERM; touch " +
                                                    ready + "; while :; do sleep 0.01; done")})
                  .ok());
  ASSERT_TRUE(WaitUntil([&] { return Exists(ready); }));
  const pid_t first = gang_.pids()[0];
  gang_.Stop(absl::Minutes(1));
  std::vector<RankOutcome> outcomes;
  std::thread waiter([&] { outcomes = gang_.Wait(); });
  EXPECT_TRUE(WaitUntil([&] { return IsGone(first); }));
  ASSERT_TRUE(WriteFileAtomic(gate, "").ok());
  waiter.join();
  ASSERT_EQ(outcomes.size(), 2u);
  EXPECT_EQ(outcomes[1].exit, ExitStatus{.exit_code = kStoppedExitCode});
}

TEST_F(GangTest, StartsAllOrNone) {
  RankCommand broken{.rank = 1};
  broken.program = "/nowhere/octet-trainer";
  broken.argv = {broken.program};
  const absl::Status status = gang_.Start({Sleeper(0), broken});
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(gang_.pids().empty());
}

}  // namespace
}  // namespace octet::agent
