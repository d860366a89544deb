// A rank that stands still while the others wait for it.
#include <signal.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/e2e/cluster.h"

namespace octet::e2e {
namespace {

using testing::HasSubstr;

constexpr int kSlots = 2;
// The bar; --hang-after is less here, so that the test is quick.
constexpr absl::Duration kNamedWithin = absl::Seconds(60);
constexpr char kHangAfter[] = "3s";

class HangTest : public testing::Test {
 protected:
  void SetUp() override {
    WriteBars(data_, 2048, 256);
    cluster_.StartScheduler();
  }

  // A training on `nodes` nodes that has stored a checkpoint and goes on.
  std::string SubmitAndReachCheckpoint(int nodes) {
    for (int node = 1; node <= nodes; ++node)
      cluster_.StartAgent(absl::StrCat("n", node), kSlots, {"--hang-after", kHangAfter});
    const std::string id = cluster_.Submit(TrainJob(data_, kSlots * nodes, 100, nodes));
    EXPECT_TRUE(Eventually([&] {
      return absl::StrContains(cluster_.Octet({"artifacts", id}).out, "checkpoints/step-");
    }));
    return id;
  }

  // Halts the rank; its attempt must end in time and name it, and another must
  // go on from a checkpoint.
  void HaltAndExpectItsName(const std::string& id, int rank, const std::string& node) {
    const pid_t pid = cluster_.RankPid(id, rank);
    ASSERT_GT(pid, 0);
    ASSERT_EQ(kill(pid, SIGSTOP), 0);
    nlohmann::json job;
    ASSERT_TRUE(Eventually(
        [&] {
          job = cluster_.Job(id);
          return job["attempts"].size() == 2 && ResumedStep(job) > 0;
        },
        kNamedWithin))
        << job.dump(1);
    const auto& failure = job["attempts"][0]["failure"];
    EXPECT_EQ(failure["failure_class"], "FAILURE_CLASS_HUNG_RANK") << job.dump(1);
    EXPECT_EQ(failure["cause"], "hang");
    EXPECT_EQ(failure.value("rank", 0), rank);
    EXPECT_EQ(failure["node"], node);
    EXPECT_THAT(cluster_.Octet({"job", id}).out,
                HasSubstr(absl::StrCat("hung rank: rank ", rank, " on node ", node)));
    EXPECT_GE(ResumedStep(job), 20);
    EXPECT_FALSE(IsAlive(pid));
  }

  static int64_t ResumedStep(const nlohmann::json& job) {
    return std::stoll(job["attempts"][1].value("resumed_step", "0"));
  }

  Cluster cluster_;
  const std::string data_ = cluster_.dir() + "/data";
};

TEST_F(HangTest, AHaltedRankIsNamedAndTheJobGoesOnWithoutIt) {
  HaltAndExpectItsName(SubmitAndReachCheckpoint(1), 1, "n1");
}

TEST_F(HangTest, OfAGangOverTwoNodesTheRankThatIsBehindIsNamed) {
  HaltAndExpectItsName(SubmitAndReachCheckpoint(2), 3, "n2");
}

}  // namespace
}  // namespace octet::e2e
