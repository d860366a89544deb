#include "worker/agent/diagnosis.h"

#include <signal.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octet::agent {
namespace {

using ::testing::HasSubstr;

v1::Failure Reported(v1::FailureClass failure_class, const std::string& message,
                     bool secondary = false) {
  v1::Failure failure;
  failure.set_failure_class(failure_class);
  failure.set_message(message);
  failure.set_secondary(secondary);
  return failure;
}

// The failure of a gang's one rank.
v1::Failure Named(const RankOutcome& outcome, bool is_command, const failure::NodeFacts& node = {},
                  const std::string& last_line = "") {
  v1::RanksEnded ended = is_command ? JudgeCommand({outcome}, "n1") : Judge({outcome}, "n1", false);
  v1::Failure failure = ended.failure();
  if (!last_line.empty()) failure.add_stderr_tail(last_line);
  NameCause(outcome, is_command, node, failure);
  return failure;
}

TEST(NameCauseTest, AKillForWantOfMemoryIsNamedWithTheWayOut) {
  failure::NodeFacts node;
  node.oom_kills = 1;
  const v1::Failure failure = Named({.rank = 3, .exit = {.signal = SIGKILL}}, false, node);
  EXPECT_EQ(failure.failure_class(), v1::FAILURE_CLASS_OUT_OF_MEMORY);
  EXPECT_EQ(failure.cause(), "out_of_memory");
  EXPECT_EQ(failure.rank(), 3);
  EXPECT_EQ(failure.node(), "n1");
  EXPECT_EQ(failure.message(),
            "out of memory: rank 3 on node n1 was killed by signal 9 (SIGKILL), "
            "the kernel killed a process of its cgroup for want of memory; lower the batch size, "
            "put fewer ranks on a node, or give it more memory");
}

TEST(LimitPassedTest, SaysWhatWasUsedAndWhatTheLimitIs) {
  const v1::Failure memory = LimitPassed(
      {isolation::Breach::Kind::kMemory, "uses 9 GiB of memory, its limit is 8 GiB"}, "j5", "n1");
  EXPECT_EQ(memory.failure_class(), v1::FAILURE_CLASS_OUT_OF_MEMORY);
  EXPECT_EQ(memory.cause(), "out_of_memory");
  EXPECT_THAT(memory.message(), HasSubstr("job j5 uses 9 GiB of memory, its limit is 8 GiB"));
  const v1::Failure disk = LimitPassed(
      {isolation::Breach::Kind::kDisk, "has written 21 GiB, its limit is 20 GiB"}, "j5", "n1");
  EXPECT_EQ(disk.failure_class(), v1::FAILURE_CLASS_JOB);
  EXPECT_EQ(disk.cause(), "over_limit");
}

TEST(LimitPassedTest, WhatTheAgentSawStandsAgainstHowTheCommandEnded) {
  RankOutcome outcome{.exit = {.signal = SIGKILL}, .signalled_here = true};
  outcome.reported = LimitPassed(
      {isolation::Breach::Kind::kDisk, "has written 21 GiB, its limit is 20 GiB"}, "j5", "n1");
  const v1::Failure failure = Named(outcome, true, {}, "dd: No space left on device");
  EXPECT_EQ(failure.cause(), "over_limit");
  EXPECT_THAT(failure.message(), HasSubstr("has written 21 GiB"));
}

TEST(NameCauseTest, WhatACommandPrintedDecidesOverItsExitCode) {
  const v1::Failure failure =
      Named({.exit = {.exit_code = 1}}, true, {}, "OSError: [Errno 28] No space left on device");
  EXPECT_EQ(failure.failure_class(), v1::FAILURE_CLASS_INFRASTRUCTURE);
  EXPECT_EQ(failure.cause(), "disk_full");
  EXPECT_THAT(failure.message(), HasSubstr("No space left on device"));
}

TEST(NameCauseTest, WhereNoRuleKnowsBetterTheVerdictStays) {
  const v1::Failure command = Named({.exit = {.exit_code = 3}}, true);
  EXPECT_EQ(command.failure_class(), v1::FAILURE_CLASS_JOB);
  EXPECT_EQ(command.cause(), "program_error");
  EXPECT_EQ(command.message(), "rank 0 on node n1 ended with exit code 3");
  const v1::Failure silent = Named({.exit = {.exit_code = 127}}, false);
  EXPECT_EQ(silent.failure_class(), v1::FAILURE_CLASS_RANK_LOST);
  EXPECT_EQ(silent.cause(), "silent_end");
}

TEST(NameCauseTest, ARanksOwnWordsAreKept) {
  const RankOutcome nan{
      .exit = {.exit_code = 1},
      .reported = Reported(v1::FAILURE_CLASS_JOB, "the loss became nan at step 4")};
  EXPECT_EQ(Named(nan, false).failure_class(), v1::FAILURE_CLASS_BAD_DATA);
  EXPECT_EQ(Named(nan, false).cause(), "nan");
  EXPECT_EQ(Named(nan, false).message(), "the loss became nan at step 4");
  const RankOutcome memory{
      .exit = {.exit_code = 1},
      .reported = Reported(v1::FAILURE_CLASS_INFRASTRUCTURE, "forward pass: out of memory")};
  EXPECT_EQ(Named(memory, false).failure_class(), v1::FAILURE_CLASS_OUT_OF_MEMORY);
  EXPECT_THAT(Named(memory, false).message(),
              HasSubstr("out of memory: forward pass: out of memory; "));
}

TEST(NameCauseTest, AnEchoBlamesNobody) {
  const RankOutcome echo{
      .exit = {.exit_code = 1},
      .reported = Reported(v1::FAILURE_CLASS_INFRASTRUCTURE,
                           "all-reduce: Timed out waiting 300000ms for recv operation", true)};
  const v1::Failure failure = Named(echo, false);
  EXPECT_TRUE(failure.secondary());
  EXPECT_EQ(failure.failure_class(), v1::FAILURE_CLASS_INFRASTRUCTURE);
  EXPECT_EQ(failure.cause(), "hang");
}

TEST(NameCauseTest, AClassThatSaysMoreIsKept) {
  const RankOutcome accuracy{
      .exit = {.exit_code = 1},
      .reported = Reported(v1::FAILURE_CLASS_ACCURACY, "the loss became nan, No space left")};
  EXPECT_EQ(Named(accuracy, false).failure_class(), v1::FAILURE_CLASS_ACCURACY);
}

TEST(NameCauseTest, ASignalOfTheUserIsNoCrash) {
  const v1::Failure failure = Named({.exit = {.signal = SIGSEGV}, .signalled_by_user = true}, true);
  EXPECT_EQ(failure.failure_class(), v1::FAILURE_CLASS_JOB);
  EXPECT_EQ(failure.cause(), "cancelled");
  EXPECT_THAT(failure.message(), HasSubstr("as its user asked"));
}

TEST(NameCauseTest, RanksThatCannotStartHaveACauseToo) {
  v1::Failure missing = Reported(v1::FAILURE_CLASS_JOB, "node n1: command not found: trian");
  missing.set_exit_code(127);
  NameCauseOfStart(true, {}, missing);
  EXPECT_EQ(missing.cause(), "wrong_command");
  EXPECT_EQ(missing.failure_class(), v1::FAILURE_CLASS_JOB);
  v1::Failure full = Reported(v1::FAILURE_CLASS_INFRASTRUCTURE,
                              "node n1: cannot make /d: No space left on device");
  NameCauseOfStart(false, {}, full);
  EXPECT_EQ(full.cause(), "disk_full");
  EXPECT_EQ(full.failure_class(), v1::FAILURE_CLASS_INFRASTRUCTURE);
}

TEST(HungRankTest, NamesRankNodeAndPlace) {
  const v1::Failure failure = HungRank(
      {.rank = 2, .step = 57, .phase = failure::Phase::kCompute, .standing = absl::Seconds(31)},
      "n1");
  EXPECT_EQ(failure.failure_class(), v1::FAILURE_CLASS_HUNG_RANK);
  EXPECT_EQ(failure.rank(), 2);
  EXPECT_EQ(failure.node(), "n1");
  EXPECT_THAT(failure.message(),
              HasSubstr("rank 2 on node n1 stands still, computing step 57 for 31 s"));
  // The agent kills it then, which is not what it died of.
  const v1::Failure judged = Named(
      {.rank = 2, .exit = {.signal = SIGKILL}, .signalled_here = true, .reported = failure}, false);
  EXPECT_EQ(judged.failure_class(), v1::FAILURE_CLASS_HUNG_RANK);
  EXPECT_EQ(judged.cause(), "hang");
  EXPECT_EQ(judged.signal(), 0);
  EXPECT_EQ(judged.message(), failure.message());
}

}  // namespace
}  // namespace octet::agent
