#include "worker/agent/hang_watch.h"

#include <signal.h>

#include "common/process.h"
#include "gtest/gtest.h"
#include "tests/worker/agent/wait.h"

namespace octet::agent {
namespace {

using failure::Phase;
using failure::Place;
using failure::RunState;

constexpr absl::Duration kHangAfter = absl::Seconds(30);
constexpr absl::Duration kSecond = absl::Seconds(1);

RankSight At(int rank, int64_t step, Phase phase, RunState state = RunState::kRuns) {
  return {.rank = rank, .place = Place{.step = step, .phase = phase}, .state = state};
}

class HangWatchTest : public ::testing::Test {
 protected:
  // Both ranks make steps of a second each.
  void Train(int steps) {
    for (int step = 0; step < steps; ++step)
      EXPECT_FALSE(
          watch_.Look(kSecond, {At(0, step, Phase::kCompute), At(1, step, Phase::kCompute)}));
  }
  // Seconds until a rank is found behind that stands there from now on; -1: none
  // is within ten minutes.
  int SecondsUntilBehind(const std::vector<RankSight>& sights) {
    for (int second = 0; second < 600; ++second) {
      behind_ = watch_.Look(kSecond, sights);
      if (behind_) return second;
    }
    return -1;
  }

  HangWatch watch_{kHangAfter};
  std::optional<failure::RankPosition> behind_;
};

TEST_F(HangWatchTest, NamesTheRankThatOthersWaitFor) {
  Train(5);
  EXPECT_EQ(SecondsUntilBehind({At(0, 5, Phase::kCommunication), At(1, 5, Phase::kData)}), 30);
  EXPECT_EQ(behind_->rank, 1);
  EXPECT_EQ(behind_->step, 5);
  EXPECT_EQ(behind_->standing, kHangAfter);
}

TEST_F(HangWatchTest, RanksThatWaitForAnotherNodeAreNotToBlame) {
  Train(5);
  EXPECT_EQ(SecondsUntilBehind({At(0, 5, Phase::kCommunication), At(1, 5, Phase::kCommunication)}),
            -1);
}

TEST_F(HangWatchTest, AHaltedRankIsToBlameWhereverItIs) {
  Train(5);
  for (const Phase phase : {Phase::kCommunication, Phase::kStart, Phase::kSave}) {
    watch_ = HangWatch(kHangAfter);
    EXPECT_EQ(
        SecondsUntilBehind({At(0, 5, Phase::kCommunication), At(1, 5, phase, RunState::kStopped)}),
        30);
    EXPECT_EQ(behind_->rank, 1);
  }
}

TEST_F(HangWatchTest, LongStepsHaveTenTimesTheirUsual) {
  for (int step = 0; step < 5; ++step) {
    for (int second = 0; second < 8; ++second)
      EXPECT_FALSE(watch_.Look(kSecond, {At(0, step, Phase::kCompute)}));
  }
  EXPECT_EQ(SecondsUntilBehind({At(0, 5, Phase::kCompute)}), 80);
}

TEST_F(HangWatchTest, AFirstStepAndASaveHaveMinutes) {
  EXPECT_EQ(SecondsUntilBehind({At(0, 0, Phase::kCompute)}), 120);
  watch_ = HangWatch(kHangAfter);
  Train(5);
  EXPECT_EQ(SecondsUntilBehind({At(0, 5, Phase::kSave)}), 240);
}

TEST_F(HangWatchTest, AStartIsNotJudged) {
  EXPECT_EQ(SecondsUntilBehind({At(0, 0, Phase::kStart), {.rank = 1}}), -1);
}

TEST_F(HangWatchTest, EveryMoveCountsAsProgress) {
  Train(5);
  for (uint64_t move = 0; move < 100; ++move)
    EXPECT_FALSE(watch_.Look(
        kSecond,
        {{.rank = 0, .place = Place{.step = 5, .phase = Phase::kEvaluate, .moves = move}}}));
}

TEST_F(HangWatchTest, TimeInWhichTheAgentItselfSleptDoesNotCount) {
  Train(5);
  const std::vector<RankSight> sights = {At(0, 5, Phase::kCompute)};
  EXPECT_FALSE(watch_.Look(kSecond, sights));
  EXPECT_FALSE(watch_.Look(absl::Hours(8), sights));
  EXPECT_TRUE(SecondsUntilBehind(sights) > 20);
}

TEST_F(HangWatchTest, InfiniteMeansNever) {
  watch_ = HangWatch(absl::InfiniteDuration());
  Train(5);
  EXPECT_EQ(SecondsUntilBehind({At(0, 5, Phase::kCompute, RunState::kStopped)}), -1);
  EXPECT_EQ(watch_.interval(), kSecond);
}

TEST(RunStateTest, IsAsTheKernelSays) {
  auto process = Process::Spawn({.argv = {"/bin/sleep", "1000"}});
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_EQ(RunStateOf((*process)->pid()), RunState::kRuns);
  (*process)->Signal(SIGSTOP);
  EXPECT_TRUE(WaitUntil([&] { return RunStateOf((*process)->pid()) == RunState::kStopped; }));
  (*process)->Signal(SIGCONT);
  EXPECT_TRUE(WaitUntil([&] { return RunStateOf((*process)->pid()) == RunState::kRuns; }));
  EXPECT_EQ(RunStateOf(0), RunState::kRuns);
}

}  // namespace
}  // namespace octet::agent
