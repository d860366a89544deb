#include "worker/agent/metrics.h"

#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/temp_folder.h"
#include "tests/worker/agent/http.h"
#include "worker/agent/slots.h"

namespace octet::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

v1::TrainProgress Progress() {
  v1::TrainProgress progress;
  progress.set_step(42);
  progress.set_total_steps(84);
  progress.set_images_per_s(1000);
  progress.set_flops_per_s(5e9);
  progress.set_loss(0.5);
  progress.mutable_remaining()->set_seconds(7);
  progress.mutable_step_time()->set_data_s(0.25);
  progress.mutable_step_time()->set_compute_s(0.5);
  progress.mutable_step_time()->set_communication_s(0.125);
  return progress;
}

// Two ranks on this node, from `first_rank` on.
v1::StartAttempt Start(const std::string& job, int attempt, int first_rank = 0) {
  v1::StartAttempt start;
  start.mutable_ref()->set_job_id(job);
  start.mutable_ref()->set_attempt(attempt);
  start.set_world_size(4);
  for (int i = 0; i < 2; ++i) {
    start.add_ranks(first_rank + i);
    start.add_slot_indices(i);
  }
  return start;
}

class AgentMetricsTest : public ::testing::Test {
 protected:
  AgentMetricsTest() {
    auto metrics = AgentMetrics::Serve({"127.0.0.1:0", "n1", folder_.path()});
    EXPECT_TRUE(metrics.ok()) << metrics.status();
    metrics_ = *std::move(metrics);
    metrics_->SetSlots(CpuSlots(8), 2);
  }
  void StartAttempt(const v1::StartAttempt& start) {
    metrics_->StartAttempt(start);
    for (const int rank : start.ranks()) metrics_->SetPid(start.ref(), rank, getpid());
  }
  std::string Page() const { return HttpGet(metrics_->address(), "/metrics"); }

  TempFolder folder_;
  std::unique_ptr<AgentMetrics> metrics_;
};

TEST_F(AgentMetricsTest, ServesTheNodeOnAPortOfTheKernelsChoice) {
  EXPECT_THAT(metrics_->address(), StartsWith("127.0.0.1:"));
  EXPECT_NE(metrics_->address(), "127.0.0.1:0");
  const std::string page = Page();
  for (const char* line :
       {"octet_agent_slots{node=\"n1\",resource=\"cpu\",state=\"free\"} 6",
        "octet_agent_slots{node=\"n1\",resource=\"cpu\",state=\"busy\"} 2",
        "octet_agent_disk_free_bytes{node=\"n1\"} ", "octet_agent_disk_size_bytes{node=\"n1\"} ",
        "octet_agent_memory_available_bytes{node=\"n1\"} ",
        "octet_agent_memory_size_bytes{node=\"n1\"} ", "octet_agent_cpus{node=\"n1\"} ",
        "octet_agent_cpu_busy_seconds_total{node=\"n1\"} ",
        "octet_agent_resident_memory_bytes{node=\"n1\"} ",
        "octet_agent_attempts_ended_total{node=\"n1\",outcome=\"failed\"} 0"})
    EXPECT_THAT(page, HasSubstr(line));
}

TEST_F(AgentMetricsTest, ShowsHowFarAJobIsAndWhatItsTimeGoesInto) {
  const v1::StartAttempt start = Start("j1", 3);
  StartAttempt(start);
  metrics_->SetProgress(start.ref(), Progress());
  const std::string page = Page();
  for (const char* line :
       {"octet_job_attempt{job=\"j1\"} 3", "octet_job_ranks{job=\"j1\"} 4",
        "octet_job_node_slots{job=\"j1\",node=\"n1\"} 2",
        "octet_job_images_per_second{job=\"j1\"} 1000",
        "octet_job_flops_per_second{job=\"j1\"} 5000000000",
        "octet_job_step_seconds{job=\"j1\",phase=\"data\"} 0.25",
        "octet_job_step_seconds{job=\"j1\",phase=\"compute\"} 0.5",
        "octet_job_step_seconds{job=\"j1\",phase=\"communication\"} 0.125",
        "octet_job_loss{job=\"j1\"} 0.5", "octet_job_step{job=\"j1\"} 42",
        "octet_job_steps{job=\"j1\"} 84", "octet_job_progress_ratio{job=\"j1\"} 0.5",
        "octet_job_remaining_seconds{job=\"j1\"} 7"})
    EXPECT_THAT(page, HasSubstr(line));
}

TEST_F(AgentMetricsTest, WhatIsNotMeasuredIsNotThere) {
  const v1::StartAttempt start = Start("j1", 1);
  StartAttempt(start);
  EXPECT_THAT(Page(), Not(HasSubstr("octet_job_loss")));
  v1::TrainProgress progress = Progress();
  metrics_->SetProgress(start.ref(), progress);
  EXPECT_THAT(Page(), Not(HasSubstr("octet_job_top1_percent"))) << "nothing is evaluated yet";
  EXPECT_THAT(Page(), Not(HasSubstr("octet_job_mfu_ratio"))) << "nobody knows a CPU's peak";
  progress.set_top1(91.5);
  metrics_->SetProgress(start.ref(), progress);
  EXPECT_THAT(Page(), HasSubstr("octet_job_top1_percent{job=\"j1\"} 91.5"));
}

TEST_F(AgentMetricsTest, UtilizationIsOfThePeakOfAllRanks) {
  v1::Slot slot;
  slot.set_resource("gpu");
  slot.set_model("NVIDIA H100 80GB HBM3");
  metrics_->SetSlots({slot}, 1);
  const v1::StartAttempt start = Start("j1", 1);
  StartAttempt(start);
  v1::TrainProgress progress;
  progress.set_flops_per_s(4 * 494.7e12 / 2);
  metrics_->SetProgress(start.ref(), progress);
  EXPECT_THAT(Page(), HasSubstr("octet_job_mfu_ratio{job=\"j1\"} 0.5"));
}

TEST_F(AgentMetricsTest, EachRankHasItsOwnFigures) {
  const v1::StartAttempt start = Start("j1", 1, /*first_rank=*/2);
  StartAttempt(start);
  v1::StepTime time;
  time.set_compute_s(0.75);
  metrics_->SetRankTime(start.ref(), 3, time);
  const std::string page = Page();
  EXPECT_THAT(
      page, HasSubstr("octet_job_rank_step_seconds{job=\"j1\",phase=\"compute\",rank=\"3\"} 0.75"));
  EXPECT_THAT(page,
              Not(HasSubstr("octet_job_rank_step_seconds{job=\"j1\",phase=\"data\",rank=\"2\"")));
  EXPECT_THAT(page, HasSubstr("octet_job_rank_resident_memory_bytes{job=\"j1\",rank=\"2\"} "));
  EXPECT_THAT(page, HasSubstr("octet_job_rank_cpu_seconds_total{job=\"j1\",rank=\"3\"} "));
  EXPECT_THAT(page, Not(HasSubstr("octet_job_attempt"))) << "rank 0 is on another node";
}

TEST_F(AgentMetricsTest, AnEndedAttemptTakesItsOwnFiguresAndNoOthers) {
  const v1::StartAttempt first = Start("j1", 1), other = Start("j2", 1);
  StartAttempt(first);
  StartAttempt(other);
  v1::RanksEnded ended;
  ended.set_stopped(true);
  metrics_->EndAttempt(first.ref(), ended);
  const std::string page = Page();
  EXPECT_THAT(page, Not(HasSubstr("job=\"j1\"")));
  EXPECT_THAT(page, HasSubstr("octet_job_attempt{job=\"j2\"} 1"));
  EXPECT_THAT(page,
              HasSubstr("octet_agent_attempts_ended_total{node=\"n1\",outcome=\"stopped\"} 1"));
}

TEST_F(AgentMetricsTest, AnOlderAttemptNeitherFillsNorEndsTheNewest) {
  const v1::StartAttempt older = Start("j1", 1), newer = Start("j1", 2);
  StartAttempt(older);
  StartAttempt(newer);
  metrics_->SetProgress(older.ref(), Progress());
  metrics_->EndAttempt(older.ref(), {});
  EXPECT_THAT(Page(), HasSubstr("octet_job_attempt{job=\"j1\"} 2"));
  EXPECT_THAT(Page(), Not(HasSubstr("octet_job_step{")));
}

TEST_F(AgentMetricsTest, APortInUseIsNamedWithTheWayOut) {
  auto second = AgentMetrics::Serve({metrics_->address(), "n2", folder_.path()});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(metrics_->address()));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("--metrics"));
}

TEST_F(AgentMetricsTest, WithoutAnAddressNothingIsServed) {
  auto metrics = AgentMetrics::Serve({"", "n1", folder_.path()});
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  EXPECT_EQ((*metrics)->address(), "");
  (*metrics)->SetSlots(CpuSlots(1), 0);
}

}  // namespace
}  // namespace octet::agent
