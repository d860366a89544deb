#include "scheduler/server/metrics.h"

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "prometheus/text_serializer.h"
#include "scheduler/server/codec.h"
#include "scheduler/server/job_metrics.h"

namespace octet::scheduler {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Page(const Metrics& metrics) {
  return prometheus::TextSerializer().Serialize(metrics.Collect());
}

TEST(MetricsTest, CountsWhatItIsTold) {
  Metrics metrics;
  metrics.CountJobStateChange("vision", "running");
  metrics.ObserveQueueWait("vision", absl::Seconds(2));
  metrics.ObservePass(absl::Milliseconds(1));
  metrics.ObserveCommit(absl::Milliseconds(1));
  metrics.ObserveTransaction(3, absl::Milliseconds(1), true);
  metrics.ObserveTransaction(1, absl::Milliseconds(1), false);
  metrics.CountAgentSession();
  metrics.CountEvent("node_ready");
  metrics.CountFailure("out_of_memory", "");
  const std::string page = Page(metrics);
  for (const char* line :
       {"octet_scheduler_job_state_changes_total{state=\"running\",team=\"vision\"} 1\n",
        "octet_scheduler_queue_wait_seconds_sum{team=\"vision\"} 2\n",
        "octet_scheduler_pass_seconds_count 1\n", "octet_scheduler_commit_seconds_count 1\n",
        "octet_scheduler_store_transaction_seconds_count 2\n",
        "octet_scheduler_store_transaction_changes_sum 4\n",
        "octet_scheduler_store_errors_total 1\n", "octet_scheduler_agent_sessions_total 1\n",
        "octet_scheduler_events_total{type=\"node_ready\"} 1\n",
        "octet_scheduler_failures_total{cause=\"unknown\",class=\"out_of_memory\"} 1\n"})
    EXPECT_THAT(page, HasSubstr(line));
}

TEST(MetricsTest, CountersThatAlertsLookAtStartAtZero) {
  const std::string page = Page(Metrics());
  for (const char* line :
       {"octet_scheduler_store_errors_total 0\n",
        "octet_scheduler_attempts_ended_total{outcome=\"failed\",stage=\"train\"} 0\n",
        "octet_scheduler_events_total{type=\"node_lost\"} 0\n"})
    EXPECT_THAT(page, HasSubstr(line));
}

TEST(MetricsTest, CallsAreCountedByTheirAnswerAndOnlyUnaryOnesTimed) {
  Metrics metrics;
  metrics.ObserveRpc("/s/Unary", grpc::StatusCode::OK, absl::Seconds(1), true);
  metrics.ObserveRpc("/s/Unary", grpc::StatusCode::RESOURCE_EXHAUSTED, absl::Seconds(1), true);
  metrics.ObserveRpc("/s/Stream", grpc::StatusCode::CANCELLED, absl::Hours(1), false);
  const std::string page = Page(metrics);
  for (const char* line :
       {"octet_scheduler_rpcs_total{code=\"OK\",method=\"/s/Unary\"} 1\n",
        "octet_scheduler_rpcs_total{code=\"RESOURCE_EXHAUSTED\",method=\"/s/Unary\"} 1\n",
        "octet_scheduler_rpcs_total{code=\"CANCELLED\",method=\"/s/Stream\"} 1\n",
        "octet_scheduler_rpc_seconds_count{method=\"/s/Unary\"} 2\n"})
    EXPECT_THAT(page, HasSubstr(line));
  EXPECT_THAT(page, Not(HasSubstr("octet_scheduler_rpc_seconds_count{method=\"/s/Stream\"}")));
}

TEST(MetricsTest, AsksForTheClusterAtAScrapeAndForgetsWhatIsGone) {
  Metrics metrics;
  ClusterFigures figures{.connected_agents = 2,
                         .pending = {{"quota", 2}, {"slots", 1}},
                         .slots = {{"cpu", {.slots = {{"free", 5}}, .most_free_on_a_node = 4}}},
                         .nodes = {{"ready", 1}, {"lost", 1}},
                         .nodes_away = {{"n2", "lost"}}};
  figures.teams["vision"] = {.pending = 3, .used = {{"cpu", 8}}, .quota = {{"cpu", 6}}};
  metrics.Attach([&] { return figures; });
  const std::string page = Page(metrics);
  for (const char* line :
       {"octet_scheduler_queue_depth 3\n", "octet_scheduler_pending_jobs{reason=\"quota\"} 2\n",
        "octet_scheduler_connected_agents 2\n",
        "octet_scheduler_slots{resource=\"cpu\",state=\"free\"} 5\n",
        "octet_scheduler_most_free_slots{resource=\"cpu\"} 4\n",
        "octet_scheduler_nodes{state=\"lost\"} 1\n",
        "octet_scheduler_node_away{node=\"n2\",reason=\"lost\"} 1\n",
        "octet_scheduler_jobs{state=\"pending\",team=\"vision\"} 3\n",
        "octet_scheduler_team_used_slots{resource=\"cpu\",team=\"vision\"} 8\n",
        "octet_scheduler_team_quota_slots{resource=\"cpu\",team=\"vision\"} 6\n"})
    EXPECT_THAT(page, HasSubstr(line));
  figures.nodes_away.clear();
  EXPECT_THAT(Page(metrics), Not(HasSubstr("octet_scheduler_node_away")));
  metrics.Detach();
  EXPECT_THAT(Page(metrics), Not(HasSubstr("octet_scheduler_queue_depth")));
}

TEST(MetricsTest, TeamsBeyondTheLimitShareALabel) {
  LabelLimit limit(2);
  EXPECT_EQ(limit.Of("a"), "a");
  EXPECT_EQ(limit.Of("b"), "b");
  EXPECT_EQ(limit.Of("c"), LabelLimit::kOther);
  EXPECT_EQ(limit.Of("a"), "a");
}

TEST(MetricsTest, ExportsShowWhatTheFileLost) {
  Metrics metrics;
  v1::TargetResult result;
  result.set_target("myriad-x");
  result.set_bytes(1000);
  result.set_float_top1(90);
  result.set_top1(89.5);
  result.set_images_per_s(2000);
  metrics.ObserveExport(result);
  result.set_within_gate(true);
  metrics.ObserveExport(result);
  v1::TargetResult failed;
  failed.set_target("gpu");
  metrics.ObserveExport(failed);
  const std::string page = Page(metrics);
  for (const char* line :
       {"octet_scheduler_exports_total{outcome=\"inaccurate\",target=\"myriad-x\"} 1\n",
        "octet_scheduler_exports_total{outcome=\"succeeded\",target=\"myriad-x\"} 1\n",
        "octet_scheduler_exports_total{outcome=\"failed\",target=\"gpu\"} 1\n",
        "octet_scheduler_export_top1_drop_points_sum{target=\"myriad-x\"} 1\n",
        "octet_scheduler_export_float_top1_percent{target=\"myriad-x\"} 90\n",
        "octet_scheduler_export_top1_percent{target=\"myriad-x\"} 89.5\n",
        "octet_scheduler_export_bytes{target=\"myriad-x\"} 1000\n",
        "octet_scheduler_export_images_per_second{target=\"myriad-x\"} 2000\n"})
    EXPECT_THAT(page, HasSubstr(line));
  EXPECT_THAT(page, Not(HasSubstr("octet_scheduler_export_bytes{target=\"gpu\"}")));
}

TEST(MetricsTest, MomentsAreShownForAWhileTheNewestOfEachKind) {
  Metrics metrics;
  const absl::Time now = absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()));
  metrics.NoteMoment({"j1", "vision", "started", now - Metrics::kShowMoments});
  metrics.NoteMoment({"j2", "vision", "started", now - absl::Minutes(2)});
  metrics.NoteMoment({"j2", "vision", "started", now - absl::Minutes(1)});
  const std::string page = Page(metrics);
  EXPECT_THAT(page, Not(HasSubstr("job=\"j1\"")));
  EXPECT_THAT(page, HasSubstr("octet_job_event_timestamp_seconds{event=\"started\",job=\"j2\","
                              "team=\"vision\"} " +
                              std::to_string(absl::ToUnixSeconds(now) - 60)));
}

TEST(MetricsTest, OfManyMomentsTheNewestAreKept) {
  Metrics metrics;
  for (size_t i = 0; i <= Metrics::kMostMoments; ++i)
    metrics.NoteMoment({absl::StrCat("j", i), "vision", "started", absl::Now()});
  const std::string page = Page(metrics);
  EXPECT_THAT(page, Not(HasSubstr("job=\"j0\"")));
  EXPECT_THAT(page, HasSubstr("job=\"j1\""));
}

// --- What a job's change is counted as ----------------------------------------

class ObserveChangeTest : public ::testing::Test {
 protected:
  Job Started(int attempts) {
    Job job{.id = 7, .team = "vision", .state = JobState::kRunning, .create_time = start_};
    for (int i = 1; i <= attempts; ++i)
      job.attempts.push_back({.number = i,
                              .stage = "train",
                              .state = AttemptState::kRunning,
                              .start_time = start_ + absl::Seconds(10 * i)});
    return job;
  }
  static void End(Attempt& attempt, AttemptState state, StopCause cause = StopCause::kNone) {
    attempt.state = state;
    attempt.stop_cause = cause;
    attempt.end_time = attempt.start_time + absl::Seconds(5);
  }

  const absl::Time start_ = absl::Now() - absl::Minutes(1);
  Metrics metrics_;
};

TEST_F(ObserveChangeTest, AStartIsCountedOnceWithItsWait) {
  const Job job = Started(1);
  ObserveChange(std::nullopt, job, metrics_);
  ObserveChange(job, job, metrics_);
  const std::string page = Page(metrics_);
  EXPECT_THAT(page, HasSubstr("octet_scheduler_attempts_started_total{stage=\"train\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("octet_scheduler_queue_wait_seconds_sum{team=\"vision\"} 10\n"));
  EXPECT_THAT(page, HasSubstr("event=\"started\",job=\"j7\""));
}

TEST_F(ObserveChangeTest, AnAttemptThatEndsAsTheNextStartsIsSeenToo) {
  const Job before = Started(1);
  Job after = Started(2);
  End(after.attempts[0], AttemptState::kCancelled, StopCause::kPreempt);
  ObserveChange(before, after, metrics_);
  const std::string page = Page(metrics_);
  EXPECT_THAT(page, HasSubstr("outcome=\"preempted\",stage=\"train\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("octet_scheduler_attempts_started_total{stage=\"train\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("octet_scheduler_queue_wait_seconds_sum{team=\"vision\"} 5\n"));
}

TEST_F(ObserveChangeTest, AFailureIsCountedByClassAndCause) {
  const Job before = Started(1);
  Job after = before;
  End(after.attempts[0], AttemptState::kFailed);
  after.attempts[0].failure = Failure{.failure_class = FailureClass::kRankLost, .cause = "crash"};
  ObserveChange(before, after, metrics_);
  const std::string page = Page(metrics_);
  EXPECT_THAT(page, HasSubstr("outcome=\"failed\",stage=\"train\"} 1\n"));
  EXPECT_THAT(page,
              HasSubstr("octet_scheduler_failures_total{cause=\"crash\",class=\"rank_lost\"} 1"));
}

TEST_F(ObserveChangeTest, ATargetIsCountedWhenItsResultIsNew) {
  const Job before = Started(1);
  Job after = before;
  v1::TargetResult result;
  result.set_target("gpu");
  result.set_bytes(1);
  result.set_within_gate(true);
  after.results[std::string(kTargetResultPrefix) + "gpu"] = result.SerializeAsString();
  after.results[kTrainResult] = "none of its business";
  ObserveChange(before, after, metrics_);
  ObserveChange(after, after, metrics_);
  EXPECT_THAT(Page(metrics_),
              HasSubstr("octet_scheduler_exports_total{outcome=\"succeeded\",target=\"gpu\"} 1\n"));
}

}  // namespace
}  // namespace octet::scheduler
