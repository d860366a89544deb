// A training that is stopped for another job goes on where it was.
#include <numeric>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "tests/e2e/cluster.h"

namespace octet::e2e {
namespace {

using testing::ElementsAreArray;

constexpr int kSlots = 2;
constexpr int kImages = 2048, kBatch = 64, kEpochs = 20;
constexpr int kSteps = kImages / kBatch * kEpochs;

// Without BatchNormalization, whose statistics are averaged over ranks at each
// stop and so differ in their last bits. Logs every step.
std::string Training(const std::string& data) {
  return absl::StrReplaceAll(TrainJob(data, kSlots, kEpochs),
                             {{"width_multiplier", "batch_norm: false, width_multiplier"}}) +
         "  log_every_steps: 1\n";
}

// The steps that an attempt's log tells, in its order.
std::vector<int> StepsIn(const std::string& log) {
  std::vector<int> steps;
  for (const absl::string_view line : absl::StrSplit(log, '\n')) {
    const size_t found = line.find(", step ");
    if (found != absl::string_view::npos)
      steps.push_back(std::stoi(std::string(line.substr(found + 7))));
  }
  return steps;
}

TEST(PreemptionTest, APreemptedTrainingLosesAndRepeatsNoStep) {
  Cluster cluster;
  const std::string data = cluster.dir() + "/data";
  WriteBars(data, kImages, 256);
  cluster.StartScheduler("least_run_before_preemption: 100ms\n");
  cluster.StartAgent("n1", kSlots);
  const std::string training = cluster.Submit(Training(data));
  ASSERT_TRUE(Eventually([&] {
    return absl::StrContains(cluster.Octet({"logs", training}).out, "step ");
  }));

  const Outcome urgent =
      cluster.Octet({"run", "--slots", absl::StrCat(kSlots), "--priority", "5", "--", "true"});
  EXPECT_EQ(urgent.exit_code, 0) << urgent.err;
  const auto job = cluster.Finish(training);
  ASSERT_EQ(job["state"], "JOB_STATE_SUCCEEDED") << job.dump(1);
  ASSERT_EQ(job["attempts"].size(), 2u) << job.dump(1);
  EXPECT_EQ(job["preemptions"], 1);

  const std::string first = cluster.Octet({"logs", training, "--attempt", "1"}).out;
  const std::string second = cluster.Octet({"logs", training, "--attempt", "2"}).out;
  EXPECT_TRUE(absl::StrContains(first, "stopped on request")) << first;
  std::vector<int> steps = StepsIn(first);
  ASSERT_FALSE(steps.empty());
  EXPECT_LT(steps.back(), kSteps) << "it was stopped in its midst";
  EXPECT_EQ(job["attempts"][1]["resumed_step"], absl::StrCat(steps.back()));
  const std::vector<int> rest = StepsIn(second);
  steps.insert(steps.end(), rest.begin(), rest.end());
  std::vector<int> every(kSteps);
  std::iota(every.begin(), every.end(), 1);
  EXPECT_THAT(steps, ElementsAreArray(every));

  // And the weights are those that it would have had undisturbed, bit by bit.
  const auto undisturbed = cluster.Finish(cluster.Submit(Training(data)));
  EXPECT_EQ(job["train_result"]["weights_sha256"], undisturbed["train_result"]["weights_sha256"]);
}

}  // namespace
}  // namespace octet::e2e
