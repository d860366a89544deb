// Whole trainings of real rank processes on a small data set.
#include "worker/trainer/trainer.h"

#include <csignal>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/onnx_io.h"
#include "model/zoo.h"
#include "tests/worker/trainer/ranks.h"
#include "tests/worker/trainer/scratch.h"

namespace octet::trainer {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::SizeIs;

class TrainerTest : public testing::Test {
 protected:
  TrainerTest() {
    WriteBars(scratch_.path(), "train", 96);
    WriteBars(scratch_.path(), "t10k", 30);
  }

  // 12 steps: 4 epochs of 96 images in batches of 32; a report for each step.
  TrainerOptions Options(const std::string& folder, int world_size = 1) {
    TrainerOptions options;
    options.model.name = "cnn";
    options.dataset = {"bars", "idx", scratch_.path()};
    options.world_size = world_size;
    options.batch_size = 32;
    options.epochs = 4;
    options.sgd.learning_rate = 0.02;
    options.checkpoint.every_steps = 5;
    options.evaluate_every_epochs = 0;
    options.folder = scratch_ / folder;
    options.fingerprint = "f";
    options.report_interval = absl::ZeroDuration();
    options.collective_timeout = absl::Seconds(60);
    return options;
  }

  const Scratch scratch_;
};

const auto kSucceeded = Field(&RankRun::exit_code, 0);

TEST_F(TrainerTest, LearnsAndLeavesItsModel) {
  const auto runs = RunRanks(Options("run"));
  ASSERT_THAT(runs, ElementsAre(kSucceeded)) << runs[0].failure;
  EXPECT_THAT(runs[0].losses, SizeIs(12));
  EXPECT_LT(runs[0].losses.back(), runs[0].losses.front() / 2);
  EXPECT_GT(runs[0].top1, 90);
  EXPECT_THAT(runs[0].artifacts,
              ElementsAre("checkpoints/step-00000005.safetensors",
                          "checkpoints/step-00000010.safetensors", "model.onnx"));
  const auto graph = model::LoadOnnx(scratch_ / "run/model.onnx");
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(graph->metadata.at("octet.dataset"), "bars");
  EXPECT_EQ(graph->metadata.at("octet.classes"), "10");
  EXPECT_EQ(graph->metadata.at("octet.dataset_sha256").size(), 64u);
  EXPECT_EQ(graph->metadata.count("octet.mean") + graph->metadata.count("octet.std"), 2u);
}

// Without BatchNormalization each image's gradient is independent of the batch
// it is in, so ranks only change the order in which float32 sums are added: a
// relative error of about 1e-7 a step, which 12 steps of training amplify; a
// wrong scale or a lost image would show as 1e-2 and more.
TEST_F(TrainerTest, HasTheSameLossCurveAtAnyWorldSize) {
  TrainerOptions alone = Options("alone"), two = Options("two", 2), eight = Options("eight", 8);
  for (TrainerOptions* options : {&alone, &two, &eight}) options->model.batch_norm = false;
  const auto expected = RunRanks(alone)[0].losses;
  ASSERT_THAT(expected, SizeIs(12));
  for (const TrainerOptions& options : {two, eight}) {
    const auto runs = RunRanks(options);
    ASSERT_THAT(runs, Each(kSucceeded)) << runs[0].failure;
    ASSERT_THAT(runs[0].losses, SizeIs(12));
    for (size_t step = 0; step < expected.size(); ++step)
      EXPECT_NEAR(runs[0].losses[step], expected[step], 1e-4) << options.world_size << " " << step;
  }
}

// Training compares the hashes of all ranks' weights and running statistics at
// its end, and fails where they differ.
TEST_F(TrainerTest, EndsWithTheSameWeightsOnAllRanks) {
  TrainerOptions options = Options("three", 3);
  options.batch_size = 33;
  const auto runs = RunRanks(options);
  ASSERT_THAT(runs, Each(kSucceeded)) << runs[0].failure;
  EXPECT_THAT(runs[0].weights_sha256, SizeIs(64));
}

TEST_F(TrainerTest, ResumesToTheSameBitsAfterAKilledRank) {
  TrainerOptions whole = Options("whole", 3), broken = Options("broken", 3);
  whole.batch_size = broken.batch_size = 33;
  const std::string expected = RunRanks(whole)[0].weights_sha256;
  ASSERT_THAT(expected, SizeIs(64));

  const auto killed = RunRanks(broken, {.kill_rank = 2, .kill_step = 7});
  EXPECT_EQ(killed[2].signal, SIGKILL);
  for (const int rank : {0, 1}) {
    EXPECT_EQ(killed[rank].exit_code, 1) << "signal " << killed[rank].signal;
    EXPECT_TRUE(killed[rank].secondary) << killed[rank].failure;
  }
  EXPECT_THAT(killed[0].artifacts, ElementsAre("checkpoints/step-00000005.safetensors"));

  const auto resumed = RunRanks(broken);
  ASSERT_THAT(resumed, Each(kSucceeded)) << resumed[0].failure;
  EXPECT_EQ(resumed[0].resumed_step, 5);
  EXPECT_EQ(resumed[0].weights_sha256, expected);
}

TEST_F(TrainerTest, FallsBackFromATruncatedCheckpoint) {
  const std::string expected = RunRanks(Options("run"))[0].weights_sha256;
  std::filesystem::resize_file(scratch_ / "run/checkpoints/step-00000010.safetensors", 1000);
  const auto resumed = RunRanks(Options("run"));
  EXPECT_EQ(resumed[0].resumed_step, 5);
  EXPECT_EQ(resumed[0].weights_sha256, expected);
}

TEST_F(TrainerTest, ResumesATrainingThatWasAlreadyOver) {
  TrainerOptions options = Options("run");
  options.checkpoint.every_steps = 6;
  const auto first = RunRanks(options), second = RunRanks(options);
  EXPECT_EQ(second[0].resumed_step, 12);
  EXPECT_EQ(second[0].weights_sha256, first[0].weights_sha256);
  EXPECT_EQ(second[0].top1, first[0].top1);
}

TEST_F(TrainerTest, StopsAllRanksAfterTheSameStepAndSaves) {
  const auto stopped = RunRanks(Options("run", 2), {.stop_rank = 1});
  ASSERT_THAT(stopped, Each(Field(&RankRun::exit_code, 75)));
  EXPECT_EQ(stopped[0].last_step, 1);
  EXPECT_THAT(stopped[0].artifacts, ElementsAre("checkpoints/step-00000001.safetensors"));
  const auto resumed = RunRanks(Options("run", 2));
  ASSERT_THAT(resumed, Each(kSucceeded));
  EXPECT_EQ(resumed[0].resumed_step, 1);
}

TEST_F(TrainerTest, TrainsOnWhenNoCheckpointFitsTheDisk) {
  const auto runs = RunRanks(Options("run"), {.file_limit = 4000});
  EXPECT_THAT(runs[0].losses, SizeIs(12));
  EXPECT_THAT(runs[0].artifacts, testing::IsEmpty());
  EXPECT_EQ(runs[0].exit_code, 1);  // the model does not fit either
  EXPECT_THAT(runs[0].failure, HasSubstr("model.onnx"));
  EXPECT_FALSE(runs[0].secondary);
}

TEST_F(TrainerTest, NamesTheStepAtWhichTheLossDiverged) {
  TrainerOptions options = Options("run", 2);
  options.model.batch_norm = false;
  options.sgd.learning_rate = 1e30;
  const auto runs = RunRanks(options);
  for (const RankRun& run : runs) {
    EXPECT_EQ(run.exit_code, 1);
    EXPECT_FALSE(run.secondary);
    EXPECT_THAT(run.failure, AllOf(HasSubstr("at step "), HasSubstr(" of 12"),
                                   HasSubstr("train.optimizer.sgd.learning_rate")));
  }
}

TEST_F(TrainerTest, GoesOnFromAnOnnxFile) {
  ASSERT_THAT(RunRanks(Options("run")), ElementsAre(kSucceeded));
  TrainerOptions options = Options("tuned");
  options.model = {.onnx = scratch_ / "run/model.onnx"};
  const auto tuned = RunRanks(options);
  ASSERT_THAT(tuned, ElementsAre(kSucceeded)) << tuned[0].failure;
  EXPECT_LT(tuned[0].losses.front(), 1.0);  // it starts from trained weights
}

TEST_F(TrainerTest, RefusesAnOnnxFileForOtherImages) {
  const auto graph = model::BuildZooModel({.model = "cnn", .height = 16, .width = 16});
  ASSERT_TRUE(graph.ok()) << graph.status();
  TrainerOptions options = Options("run");
  options.model = {.onnx = scratch_ / "wide.onnx"};
  ASSERT_TRUE(model::SaveOnnx(*graph, options.model.onnx).ok());
  EXPECT_THAT(RunRanks(options)[0].failure,
              HasSubstr("wide.onnx: its input is -1x1x16x16, the images need -1x1x12x12"));
}

TEST_F(TrainerTest, NamesTheMissingDataset) {
  TrainerOptions options = Options("run");
  options.dataset.path = scratch_ / "nowhere";
  const auto runs = RunRanks(options);
  EXPECT_EQ(runs[0].exit_code, 1);
  EXPECT_THAT(runs[0].failure, HasSubstr("nowhere"));
  EXPECT_FALSE(runs[0].secondary);
}

}  // namespace
}  // namespace octet::trainer
