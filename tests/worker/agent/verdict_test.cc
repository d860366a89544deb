#include "worker/agent/verdict.h"

#include <signal.h>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/temp_folder.h"

namespace octet::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr ExitStatus kDone{};
constexpr ExitStatus kStopped{.exit_code = kStoppedExitCode};
constexpr ExitStatus kFailed{.exit_code = 1};
constexpr ExitStatus kKilled{.signal = SIGKILL};

v1::Failure Reported(const std::string& message, bool secondary) {
  v1::Failure failure;
  failure.set_failure_class(v1::FAILURE_CLASS_JOB);
  failure.set_message(message);
  failure.set_secondary(secondary);
  return failure;
}

v1::RanksEnded JudgeRunning(const std::vector<RankOutcome>& outcomes) {
  return Judge(outcomes, "n1", /*stop_requested=*/false);
}

TEST(VerdictTest, SuccessIsEveryRankDone) {
  const auto ended = JudgeRunning({{.rank = 0, .exit = kDone}, {.rank = 1, .exit = kDone}});
  EXPECT_TRUE(ended.succeeded());
  EXPECT_FALSE(ended.stopped());
  EXPECT_FALSE(ended.has_failure());
}

TEST(VerdictTest, StoppedIsEveryRankGoneAsAsked) {
  const auto ended = JudgeRunning({{.rank = 0, .exit = kStopped}, {.rank = 1, .exit = kStopped}});
  EXPECT_TRUE(ended.stopped());
  EXPECT_FALSE(ended.succeeded());
  EXPECT_FALSE(ended.has_failure());
}

TEST(VerdictTest, SignalFromElsewhereIsALostRank) {
  const auto ended = JudgeRunning({{.rank = 3, .exit = kKilled}});
  ASSERT_TRUE(ended.has_failure());
  EXPECT_EQ(ended.failure().message(), "rank 3 on node n1 was killed by signal 9 (SIGKILL)");
  EXPECT_EQ(ended.failure().failure_class(), v1::FAILURE_CLASS_RANK_LOST);
  EXPECT_EQ(ended.failure().rank(), 3);
  EXPECT_EQ(ended.failure().node(), "n1");
  EXPECT_EQ(ended.failure().signal(), SIGKILL);
}

TEST(VerdictTest, SilentExitIsALostRank) {
  const auto ended = JudgeRunning({{.rank = 1, .exit = {.exit_code = 127}}});
  EXPECT_EQ(ended.failure().message(),
            "rank 1 on node n1 ended with exit code 127 and did not say why");
  EXPECT_EQ(ended.failure().failure_class(), v1::FAILURE_CLASS_RANK_LOST);
  EXPECT_EQ(ended.failure().exit_code(), 127);
}

TEST(VerdictTest, WhatARankSaidIsKept) {
  const auto ended =
      JudgeRunning({{.rank = 2, .exit = kFailed, .reported = Reported("no such file", false)}});
  EXPECT_EQ(ended.failure().message(), "no such file");
  EXPECT_EQ(ended.failure().failure_class(), v1::FAILURE_CLASS_JOB);
  EXPECT_EQ(ended.failure().rank(), 2);
  EXPECT_EQ(ended.failure().exit_code(), 1);
}

TEST(VerdictTest, EchoesNeverWinOverOtherEvidence) {
  const RankOutcome echo{.rank = 0, .exit = kFailed, .reported = Reported("peer gone", true)};
  EXPECT_EQ(JudgeRunning({echo, {.rank = 1, .exit = kKilled}}).failure().rank(), 1);
  EXPECT_EQ(JudgeRunning({echo, {.rank = 1, .exit = kFailed}}).failure().rank(), 1);
  const auto alone = JudgeRunning({echo});
  EXPECT_EQ(alone.failure().rank(), 0);
  EXPECT_TRUE(alone.failure().secondary());
}

TEST(VerdictTest, WordsAndSignalsWinOverSilenceAndTheFirstAmongEquals) {
  const RankOutcome silent{.rank = 0, .exit = kFailed};
  const RankOutcome killed{.rank = 1, .exit = kKilled};
  const RankOutcome said{.rank = 2, .exit = kFailed, .reported = Reported("why", false)};
  EXPECT_EQ(JudgeRunning({silent, killed, said}).failure().rank(), 1);
  EXPECT_EQ(JudgeRunning({silent, said, killed}).failure().rank(), 2);
}

TEST(VerdictTest, RanksThatTheAgentKilledAreNotTheCause) {
  const RankOutcome killed_here{.rank = 0, .exit = kKilled, .signalled_here = true};
  EXPECT_EQ(JudgeRunning({killed_here, {.rank = 1, .exit = kFailed}}).failure().rank(), 1);
  EXPECT_TRUE(Judge({killed_here}, "n1", /*stop_requested=*/true).stopped());
}

TEST(VerdictTest, BrokenCollectivesWhileStoppingAreNoFailure) {
  const std::vector<RankOutcome> outcomes = {
      {.rank = 0, .exit = kStopped},
      {.rank = 1, .exit = kFailed, .reported = Reported("peer gone", true)}};
  EXPECT_TRUE(Judge(outcomes, "n1", /*stop_requested=*/true).stopped());
  EXPECT_TRUE(Judge(outcomes, "n1", /*stop_requested=*/false).has_failure());
}

TEST(VerdictTest, RealFailuresCountWhileStopping) {
  const auto ended = Judge({{.rank = 1, .exit = kFailed, .reported = Reported("disk", false)}},
                           "n1", /*stop_requested=*/true);
  EXPECT_EQ(ended.failure().message(), "disk");
}

TEST(CommandVerdictTest, AnyExitCodeIsTheJobsFailure) {
  for (const int code : {1, kStoppedExitCode, 255}) {
    const auto ended =
        JudgeCommand({{.rank = 0, .exit = kDone}, {.rank = 1, .exit = {.exit_code = code}}}, "n1");
    EXPECT_EQ(ended.failure().failure_class(), v1::FAILURE_CLASS_JOB);
    EXPECT_EQ(ended.failure().exit_code(), code);
    EXPECT_EQ(ended.failure().rank(), 1);
  }
  EXPECT_TRUE(JudgeCommand({{.exit = kDone}}, "n1").succeeded());
}

TEST(CommandVerdictTest, ASignalFromElsewhereWinsOverExitCodes) {
  const RankOutcome failed{.rank = 0, .exit = kFailed}, killed{.rank = 1, .exit = kKilled};
  const auto ended = JudgeCommand({failed, killed}, "n1");
  EXPECT_EQ(ended.failure().rank(), 1);
  EXPECT_EQ(ended.failure().failure_class(), v1::FAILURE_CLASS_RANK_LOST);
  RankOutcome by_user = killed;
  by_user.signalled_by_user = true;
  EXPECT_EQ(JudgeCommand({failed, by_user}, "n1").failure().rank(), 0);
}

TEST(CommandVerdictTest, WhoWasAskedToLeaveWasStopped) {
  for (const ExitStatus& exit : {kDone, kFailed, kKilled})
    EXPECT_TRUE(JudgeCommand({{.exit = exit, .asked_to_leave = true}}, "n1").stopped());
  // A rank that had failed before is the reason all the same.
  const auto ended = JudgeCommand(
      {{.rank = 0, .exit = kFailed}, {.rank = 1, .exit = kDone, .asked_to_leave = true}}, "n1");
  EXPECT_EQ(ended.failure().rank(), 0);
}

TEST(CommandVerdictTest, RanksThatTheAgentKilledAreNotTheCause) {
  const RankOutcome killed_here{.rank = 0, .exit = kKilled, .signalled_here = true};
  EXPECT_EQ(JudgeCommand({killed_here, {.rank = 1, .exit = kFailed}}, "n1").failure().rank(), 1);
}

TEST(TailOfFileTest, KeepsTheLastLines) {
  TempFolder folder;
  std::string text;
  for (int line = 1; line <= 30; ++line) absl::StrAppend(&text, "line ", line, "\n");
  ASSERT_TRUE(WriteFileAtomic(folder / "log", text).ok());
  EXPECT_THAT(TailOfFile(folder / "log", 2), ElementsAre("line 29", "line 30"));
  EXPECT_THAT(TailOfFile(folder / "log", 30), SizeIs(30));
  EXPECT_THAT(TailOfFile(folder / "log", 31), SizeIs(30));
  EXPECT_THAT(TailOfFile(folder / "absent", 2), IsEmpty());
}

TEST(TailOfFileTest, TakesALastLineWithoutNewlineAndReadsHugeLinesInPart) {
  TempFolder folder;
  ASSERT_TRUE(WriteFileAtomic(folder / "log", "a\nb").ok());
  EXPECT_THAT(TailOfFile(folder / "log", 20), ElementsAre("a", "b"));
  ASSERT_TRUE(WriteFileAtomic(folder / "log", std::string(1 << 20, 'x')).ok());
  EXPECT_THAT(TailOfFile(folder / "log", 20), ElementsAre(SizeIs(16 << 10)));
  ASSERT_TRUE(WriteFileAtomic(folder / "log", "").ok());
  EXPECT_THAT(TailOfFile(folder / "log", 20), IsEmpty());
}

TEST(TailOfFileTest, ReplacesBytesThatAreNotUtf8) {
  TempFolder folder;
  ASSERT_TRUE(WriteFileAtomic(folder / "log",
                              "gr\xC3\xBC\xC3\x9F\n\xFF"
                              "z\xE2\x82\n")
                  .ok());
  EXPECT_THAT(TailOfFile(folder / "log", 20), ElementsAre("gr\xC3\xBC\xC3\x9F",
                                                          "\xEF\xBF\xBD"
                                                          "z\xEF\xBF\xBD\xEF\xBF\xBD"));
}

}  // namespace
}  // namespace octet::agent
