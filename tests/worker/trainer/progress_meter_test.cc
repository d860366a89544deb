#include "worker/trainer/progress_meter.h"

#include "gtest/gtest.h"

namespace octet::trainer {
namespace {

class ProgressMeterTest : public testing::Test {
 protected:
  static TrainerOptions Options() {
    TrainerOptions options;
    options.batch_size = 100;
    options.epochs = 2;
    return options;
  }

  void Step(int64_t step, double seconds, double mean_total) {
    clock_.Advance(absl::Seconds(seconds));
    meter_.StepDone({.step = step,
                     .loss = 2.0,
                     .top1 = 25.0,
                     .learning_rate = 0.1,
                     .time = absl::Seconds(seconds),
                     .mean_time = {.total = mean_total, .data = mean_total / 4}});
  }

  ManualClock clock_;
  Schedule schedule_{Options(), 500};  // 10 steps
  ProgressMeter meter_{clock_, schedule_, 100, 1e6, absl::Seconds(1)};
};

TEST_F(ProgressMeterTest, IsDueOnceTheIntervalHasPassed) {
  Step(0, 0.9, 0);
  EXPECT_FALSE(meter_.Due());
  Step(1, 0.1, 0.9);
  EXPECT_TRUE(meter_.Due());
  meter_.Report();
  EXPECT_FALSE(meter_.Due());
}

TEST_F(ProgressMeterTest, MeasuresTheStepsSinceTheLastReport) {
  Step(0, 4.0, 0);
  meter_.Report();
  Step(1, 0.5, 4.0);
  Step(2, 0.5, 0.5);
  const Progress progress = meter_.Report();
  EXPECT_EQ(progress.step, 3);
  EXPECT_EQ(progress.total_steps, 10);
  EXPECT_DOUBLE_EQ(progress.epoch, 0.6);
  EXPECT_DOUBLE_EQ(progress.images_per_s, 200);
  EXPECT_DOUBLE_EQ(progress.flops_per_s, 200e6);
  EXPECT_DOUBLE_EQ(progress.step_time.total, 2.25);
  EXPECT_DOUBLE_EQ(meter_.ImagesPerSecond(), 60);
}

TEST_F(ProgressMeterTest, ARanksOwnTimesAreOfItsOwnSteps) {
  meter_.StepDone({.step = 0, .rank_time = {.total = 4, .compute = 3}});
  meter_.StepDone({.step = 1, .mean_time = {.total = 9}, .rank_time = {.total = 2, .compute = 1}});
  const Progress progress = meter_.Report();
  EXPECT_DOUBLE_EQ(progress.rank_step_time.total, 3);
  EXPECT_DOUBLE_EQ(progress.rank_step_time.compute, 2);
  EXPECT_DOUBLE_EQ(progress.step_time.total, 9);
  meter_.StepDone({.step = 2, .rank_time = {.total = 1}});
  EXPECT_DOUBLE_EQ(meter_.Report().rank_step_time.total, 1);
}

// The first step has no step before it whose time could ride along.
TEST_F(ProgressMeterTest, LeavesTheFirstStepOutOfMeanTimes) {
  Step(0, 1, 0);
  Step(1, 1, 1.0);
  EXPECT_DOUBLE_EQ(meter_.Report().step_time.data, 0.25);
}

TEST_F(ProgressMeterTest, CountsEvaluationsInTheTimeThatRemainsOnly) {
  Step(0, 1, 0);
  clock_.Advance(absl::Seconds(1));  // an evaluation
  meter_.Evaluated(90);
  const Progress progress = meter_.Report();
  EXPECT_DOUBLE_EQ(progress.images_per_s, 100);
  EXPECT_DOUBLE_EQ(progress.top1, 90);
  EXPECT_EQ(progress.remaining, absl::Seconds(18));
}

}  // namespace
}  // namespace octet::trainer
