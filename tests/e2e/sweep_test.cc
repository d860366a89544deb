// A search over a field of the job file, with real trainings.
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/e2e/cluster.h"

namespace octet::e2e {
namespace {

using testing::HasSubstr;

TEST(SweepTest, TheTrialThatDoesNotLearnEndsEarly) {
  Cluster cluster;
  const std::string data = cluster.dir() + "/data";
  WriteBars(data, 2048, 256);
  cluster.StartScheduler();
  cluster.StartAgent("n1", 1);
  // One after the other, so that the second meets the first's figure.
  const std::string first = cluster.Submit(
      absl::StrCat(TrainJob(data, 1, 4),
                   "sweep:\n  parameters:\n"
                   "  - {field: train.optimizer.sgd.learning_rate, values: [0.05, 0.0000001]}\n"
                   "  max_running: 1\n  asha: {min_epochs: 2}\n"));
  EXPECT_EQ(first, "j1");
  const auto good = cluster.Finish("j1"), bad = cluster.Finish("j2");
  EXPECT_EQ(good["state"], "JOB_STATE_SUCCEEDED") << good.dump(1);
  EXPECT_EQ(bad["state"], "JOB_STATE_CANCELLED") << bad.dump(1);
  EXPECT_THAT(bad.value("reason", ""), HasSubstr("ended early"));
  EXPECT_EQ(bad["rungs"].size(), 1u);
  const std::string table = cluster.Octet({"jobs", "--array", "j1"}).out;
  EXPECT_LT(table.find("learning_rate=0.05"), table.find("learning_rate=0.0000001")) << table;
}

}  // namespace
}  // namespace octet::e2e
