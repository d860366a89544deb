// What becomes of a job when processes die. Real processes, real signals.
#include <signal.h>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "tests/e2e/cluster.h"

namespace octet::e2e {
namespace {

using testing::IsEmpty;

constexpr int kSlots = 4;

absl::Time TimeOf(const nlohmann::json& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text.get<std::string>(), &time, &error)) << error;
  return time;
}

class FailureTest : public testing::Test {
 protected:
  void SetUp() override {
    WriteBars(data_, 2048, 256);
    cluster_.StartScheduler();
    cluster_.StartAgent("n1", kSlots);
  }

  // A job of some hundred steps that has stored a checkpoint and goes on.
  std::string SubmitAndReachCheckpoint(double epochs) {
    const std::string id = cluster_.Submit(TrainJob(data_, kSlots, epochs));
    EXPECT_TRUE(Eventually([&] {
      return cluster_.Octet({"artifacts", id}).out.find("checkpoints/step-") != std::string::npos;
    }));
    return id;
  }

  Cluster cluster_;
  const std::string data_ = cluster_.dir() + "/data";
};

TEST_F(FailureTest, KilledRankEndsItsAttemptByNameAndTheNextResumesFromACheckpoint) {
  const std::string id = SubmitAndReachCheckpoint(30);
  const pid_t rank = cluster_.RankPid(id, 2);
  ASSERT_GT(rank, 0);
  const absl::Time killed = absl::Now();
  ASSERT_EQ(kill(rank, SIGKILL), 0);

  const auto job = cluster_.Finish(id);
  ASSERT_EQ(job["state"], "JOB_STATE_SUCCEEDED") << job.dump(1);
  ASSERT_EQ(job["attempts"].size(), 2u) << job.dump(1);
  const auto& first = job["attempts"][0];
  EXPECT_EQ(first["state"], "ATTEMPT_STATE_FAILED");
  EXPECT_LT(TimeOf(first["end_time"]) - killed, absl::Seconds(5));
  EXPECT_EQ(first["failure"]["failure_class"], "FAILURE_CLASS_RANK_LOST");
  EXPECT_EQ(first["failure"]["rank"], 2);
  EXPECT_EQ(first["failure"]["node"], "n1");
  EXPECT_EQ(first["failure"]["signal"], SIGKILL);
  const auto& second = job["attempts"][1];
  EXPECT_EQ(second["state"], "ATTEMPT_STATE_SUCCEEDED");
  EXPECT_GE(std::stoll(second["resumed_step"].get<std::string>()), 20);
}

TEST_F(FailureTest, TrainingGoesOnWithoutItsSchedulerAndIsAdoptedByTheNext) {
  const std::string id = SubmitAndReachCheckpoint(60);
  const std::vector<pid_t> ranks = cluster_.RankPids();
  ASSERT_EQ(ranks.size(), static_cast<size_t>(kSlots));
  cluster_.KillScheduler();
  for (pid_t pid : ranks) EXPECT_TRUE(IsAlive(pid));
  cluster_.StartScheduler();
  EXPECT_EQ(cluster_.RankPids(), ranks);

  const auto job = cluster_.Finish(id);
  EXPECT_EQ(job["state"], "JOB_STATE_SUCCEEDED") << job.dump(1);
  EXPECT_EQ(job["attempts"].size(), 1u) << job.dump(1);
}

TEST_F(FailureTest, KilledAgentLeavesNoProcessAndItsJobResumesWhenItIsBack) {
  const std::string id = SubmitAndReachCheckpoint(30);
  const std::vector<pid_t> ranks = cluster_.RankPids();
  ASSERT_EQ(ranks.size(), static_cast<size_t>(kSlots));
  cluster_.KillAgent("n1");
  EXPECT_TRUE(Eventually([&] { return cluster_.RankPids().empty(); }, absl::Seconds(5)));
  cluster_.StartAgent("n1", kSlots);

  const auto job = cluster_.Finish(id);
  ASSERT_EQ(job["state"], "JOB_STATE_SUCCEEDED") << job.dump(1);
  ASSERT_EQ(job["attempts"].size(), 2u) << job.dump(1);
  EXPECT_EQ(job["attempts"][0]["failure"]["failure_class"], "FAILURE_CLASS_NODE_LOST");
  EXPECT_EQ(job["attempts"][0]["failure"]["cause"], "agent_killed");
  EXPECT_GE(std::stoll(job["attempts"][1]["resumed_step"].get<std::string>()), 20);
}

TEST_F(FailureTest, GangOverTwoNodesTrainsToTheEnd) {
  cluster_.StartAgent("n2", kSlots);
  const std::string id = cluster_.Submit(TrainJob(data_, 4, 4, /*nodes=*/2));
  const auto job = cluster_.Finish(id);
  ASSERT_EQ(job["state"], "JOB_STATE_SUCCEEDED") << job.dump(1);
  EXPECT_EQ(job["attempts"][0]["placements"].size(), 2u) << job.dump(1);
}

TEST_F(FailureTest, JobOfALostNodeResumesOnAnother) {
  const std::string id = SubmitAndReachCheckpoint(30);
  cluster_.StartAgent("n2", kSlots);
  cluster_.KillAgent("n1");
  const auto job = cluster_.Finish(id);
  ASSERT_EQ(job["state"], "JOB_STATE_SUCCEEDED") << job.dump(1);
  ASSERT_EQ(job["attempts"].size(), 2u) << job.dump(1);
  EXPECT_EQ(job["attempts"][1]["placements"][0]["node"], "n2");
  EXPECT_GE(std::stoll(job["attempts"][1]["resumed_step"].get<std::string>()), 20);
}

TEST_F(FailureTest, CancelledJobEndsAndLeavesNoProcess) {
  const std::string id = SubmitAndReachCheckpoint(1000);
  EXPECT_EQ(cluster_.Octet({"cancel", id}).exit_code, 0);
  const auto job = cluster_.Finish(id);
  EXPECT_EQ(job["state"], "JOB_STATE_CANCELLED") << job.dump(1);
  EXPECT_THAT(cluster_.RankPids(), IsEmpty());
}

}  // namespace
}  // namespace octet::e2e
