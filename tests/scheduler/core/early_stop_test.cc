// Trials of a sweep that end because others do better.
#include "gmock/gmock.h"
#include "tests/scheduler/core/driver.h"

namespace octet::scheduler {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Trials that all run, with rungs at 1 and 3 epochs of which the best third
/// goes on.
class EarlyStopTest : public testing::Test {
 protected:
  static constexpr int kTrials = 6;

  EarlyStopTest() {
    d.Connect("n1", kTrials);
    JobSubmitted event{.name = "trial", .owner = "ada", .count = kTrials};
    event.stages.push_back({.name = "train", .gang = {.slots = 1}, .saves = true});
    for (int i = 0; i < kTrials; ++i)
      event.variants.push_back({.spec = absl::StrCat("spec ", i),
                                .stages = event.stages,
                                .early_stop = {.rungs = {1, 3}, .reduction = 3}});
    d.Do(event);
  }

  /// The id of trial `index`.
  static JobId Trial(int index) { return 1 + index; }
  void Measure(JobId id, double epochs, double figure) {
    d.Do(FigureMeasured{{id, d.job(id).attempts.back().number}, "n1", epochs, figure});
  }
  bool Ends(JobId id) const { return d.job(id).cancel_requested; }

  Driver d;
};

TEST_F(EarlyStopTest, EachTrialHasItsOwnSpec) {
  EXPECT_EQ(d.job(Trial(0)).spec, "spec 0");
  EXPECT_EQ(d.job(Trial(5)).spec, "spec 5");
  EXPECT_EQ(d.job(Trial(5)).array, Trial(0));
}

TEST_F(EarlyStopTest, TheFirstAtARungGoesOnAndAWorseOneEnds) {
  Measure(Trial(0), 1, 70);
  EXPECT_FALSE(Ends(Trial(0)));
  Measure(Trial(1), 1, 60);
  EXPECT_TRUE(Ends(Trial(1)));
  EXPECT_THAT(d.job(Trial(1)).reason,
              HasSubstr("ended early: 60.00 at 1 epochs, where the best 1/3 of the 2 trials of "
                        "sweep j1 that got there have 70.00 or more"));
  EXPECT_THAT(Only<StopAttempt>(d.last.effects), testing::SizeIs(1));
  d.EndAll(Trial(1), false);
  EXPECT_EQ(d.job(Trial(1)).state, JobState::kCancelled);
}

TEST_F(EarlyStopTest, ABetterOneGoesOnAndTheEarlierStaysToo) {
  Measure(Trial(0), 1, 70);
  Measure(Trial(1), 1, 80);
  EXPECT_FALSE(Ends(Trial(0))) << "it had passed the rung when it was the best";
  EXPECT_FALSE(Ends(Trial(1)));
}

TEST_F(EarlyStopTest, AThirdOfThoseThatReachedTheRungGoesOn) {
  const double figures[kTrials] = {90, 91, 92, 93, 94, 91.5};
  for (int i = 0; i < kTrials; ++i) Measure(Trial(i), 1, figures[i]);
  EXPECT_TRUE(Ends(Trial(5))) << "third of six";
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(Ends(Trial(i)));
}

TEST_F(EarlyStopTest, BetweenRungsNothingIsCompared) {
  Measure(Trial(0), 1, 70);
  Measure(Trial(1), 0.5, 10);
  EXPECT_THAT(d.job(Trial(1)).rungs, IsEmpty());
  EXPECT_TRUE(d.last.changed.empty()) << "nothing is stored for it";
  Measure(Trial(0), 2, 0);
  EXPECT_THAT(d.job(Trial(0)).rungs, ElementsAre(70));
  EXPECT_FALSE(Ends(Trial(0)));
}

TEST_F(EarlyStopTest, ARungCountsOnceThoughTheTrialIsStartedAgain) {
  Measure(Trial(0), 1, 70);
  d.EndAll(Trial(0), false, Lost(0));
  d.Pass(kLongestBackoff);
  ASSERT_TRUE(d.Runs(Trial(0)));
  Measure(Trial(0), 1, 5);
  EXPECT_THAT(d.job(Trial(0)).rungs, ElementsAre(70));
  EXPECT_FALSE(Ends(Trial(0)));
}

TEST_F(EarlyStopTest, AnOlderAttemptHasNoSay) {
  EXPECT_FALSE(d.core.Apply(FigureMeasured{{Trial(0), 2}, "n1", 1, 99}, d.now).ok());
}

TEST_F(EarlyStopTest, ARestartedSchedulerRemembersTheRungs) {
  Measure(Trial(0), 1, 70);
  Driver restarted(d.Stored(), d.now);
  restarted.Connect("n1", kTrials, {{Trial(0), 1}, {Trial(1), 1}});
  restarted.Do(FigureMeasured{{Trial(1), 1}, "n1", 1, 60});
  EXPECT_TRUE(restarted.job(Trial(1)).cancel_requested);
}

}  // namespace
}  // namespace octet::scheduler
