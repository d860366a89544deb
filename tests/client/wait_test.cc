#include "client/wait.h"

#include "gmock/gmock.h"
#include "tests/client/fake_scheduler.h"

namespace octet::client {
namespace {

using testing::HasSubstr;

v1::Job JobIn(v1::JobState state, bool started = false) {
  v1::Job job;
  job.set_job_id("j1");
  job.set_state(state);
  if (started) job.mutable_start_time()->set_seconds(1);
  return job;
}

class WaitTest : public testing::Test {
 protected:
  void Watch(std::vector<v1::Job> jobs) { scheduler_.watches = {{jobs, grpc::Status::OK}}; }
  FakeScheduler scheduler_;
};

TEST_F(WaitTest, EndsWithTheJobWhateverItCameTo) {
  Watch({JobIn(v1::JOB_STATE_RUNNING), JobIn(v1::JOB_STATE_FAILED)});
  const Outcome outcome = scheduler_.Octet({"wait", "j1"});
  EXPECT_EQ(outcome.code, kOk);
  EXPECT_EQ(outcome.out, "job j1 failed\n");
}

TEST_F(WaitTest, ReturnsAsSoonAsTheStateIsReached) {
  // The watch itself never ends with a final state.
  Watch({JobIn(v1::JOB_STATE_PENDING), JobIn(v1::JOB_STATE_RUNNING)});
  EXPECT_EQ(scheduler_.Octet({"wait", "j1", "--for", "running"}).out, "job j1 running\n");
}

TEST_F(WaitTest, JobThatRanAndEndedHasBeenRunning) {
  Watch({JobIn(v1::JOB_STATE_SUCCEEDED, /*started=*/true)});
  EXPECT_EQ(scheduler_.Octet({"wait", "j1", "--for", "running"}).code, kOk);
  Watch({JobIn(v1::JOB_STATE_CANCELLED)});
  EXPECT_EQ(scheduler_.Octet({"wait", "j1", "--for", "running"}).code, kJobFailed);
}

TEST_F(WaitTest, AnotherEndIsToldWithItsReason) {
  v1::Job failed = JobIn(v1::JOB_STATE_FAILED);
  failed.mutable_failure()->set_message("out of memory");
  Watch({failed});
  const Outcome outcome = scheduler_.Octet({"wait", "j1", "--for", "succeeded"});
  EXPECT_EQ(outcome.code, kJobFailed);
  EXPECT_EQ(outcome.err,
            "octet: job j1 will not be succeeded: it ended as failed: out of memory\n");
}

TEST_F(WaitTest, TimeThatRunsOutIsToldWithWhatTheJobIs) {
  scheduler_.get = [](const v1::GetJobRequest&, v1::Job* job) {
    *job = JobIn(v1::JOB_STATE_PENDING);
    job->set_reason("3 slots are free");
    return grpc::Status::OK;
  };
  const Outcome outcome = scheduler_.Octet({"wait", "j1", "--timeout", "0s"});
  EXPECT_EQ(outcome.code, kJobFailed);
  EXPECT_EQ(outcome.err, "octet: job j1 is not ended after 0: it is pending: 3 slots are free\n");
}

TEST_F(WaitTest, TimeIsOverAlsoWhileTheSchedulerOnlyWaits) {
  scheduler_.watches = {{{}, {grpc::StatusCode::UNAVAILABLE, "restarting"}}};
  scheduler_.get = [](const v1::GetJobRequest&, v1::Job* job) {
    *job = JobIn(v1::JOB_STATE_RUNNING);
    return grpc::Status::OK;
  };
  const Outcome outcome = scheduler_.Octet({"wait", "j1", "--timeout", "150ms"});
  EXPECT_EQ(outcome.code, kJobFailed);
  EXPECT_THAT(outcome.err, HasSubstr("is running"));
}

TEST_F(WaitTest, EveryJobMustGetThere) {
  scheduler_.watches = {{{JobIn(v1::JOB_STATE_FAILED)}, grpc::Status::OK},
                        {{JobIn(v1::JOB_STATE_SUCCEEDED)}, grpc::Status::OK}};
  const Outcome outcome = scheduler_.Octet({"wait", "j1", "j2", "--for", "succeeded"});
  EXPECT_EQ(outcome.code, kJobFailed);
  EXPECT_EQ(outcome.out, "job j1 succeeded\n");
}

TEST_F(WaitTest, UnknownJobIsNotFound) {
  scheduler_.watches = {{{}, {grpc::StatusCode::NOT_FOUND, "there is no job j9"}}};
  const Outcome outcome = scheduler_.Octet({"wait", "j9"});
  EXPECT_EQ(outcome.code, kNotFound);
  EXPECT_EQ(outcome.err, "octet: there is no job j9\n");
}

TEST_F(WaitTest, WrongTimesAndStatesAreUsage) {
  const Outcome outcome = scheduler_.Octet({"wait", "j1", "--timeout", "soon"});
  EXPECT_EQ(outcome.code, kUsage);
  EXPECT_THAT(outcome.err, HasSubstr("such as 90s, 10m, 1h30m or 90d"));
  EXPECT_EQ(scheduler_.Octet({"wait", "j1", "--timeout", "-5s"}).code, kUsage);
  EXPECT_EQ(scheduler_.Octet({"wait", "j1", "--for", "done"}).code, kUsage);
}

}  // namespace
}  // namespace octet::client
