// The commands that show jobs, nodes and artifacts, against a scheduler's answers.
#include <algorithm>

#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/client/fake_scheduler.h"

namespace octet::client {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

google::protobuf::Timestamp At(int64_t seconds) {
  google::protobuf::Timestamp time;
  time.set_seconds(seconds);
  return time;
}

v1::Job FailedJob() {
  v1::Job job;
  job.set_job_id("j7");
  job.mutable_spec()->set_name("demo");
  job.set_owner("ada");
  job.set_state(v1::JOB_STATE_FAILED);
  job.set_stage("train");
  job.set_reason("too many restarts");
  *job.mutable_create_time() = At(1000);
  *job.mutable_start_time() = At(1003);
  *job.mutable_end_time() = At(1065);
  v1::Attempt& attempt = *job.add_attempts();
  attempt.set_attempt(1);
  attempt.set_stage("train");
  attempt.set_state(v1::ATTEMPT_STATE_FAILED);
  attempt.add_placements()->set_node("n1");
  attempt.mutable_placements(0)->set_slots(8);
  v1::Failure& failure = *attempt.mutable_failure();
  failure.set_message("killed");
  failure.set_rank(3);
  failure.set_node("n1");
  failure.set_signal(9);
  failure.add_stderr_tail("out of memory");
  return job;
}

TEST(JobTest, PageTellsAttemptsWithWhatEndedThem) {
  FakeScheduler scheduler;
  scheduler.get = [](const v1::GetJobRequest& request, v1::Job* job) {
    EXPECT_EQ(request.job_id(), "j7");
    *job = FailedJob();
    return grpc::Status::OK;
  };
  const Outcome outcome = scheduler.Octet({"job", "j7"});
  EXPECT_EQ(outcome.code, kOk);
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("state      failed\n"), HasSubstr("too many restarts"),
                    HasSubstr("started after 3s, took 1m02s"), HasSubstr("n1 (ranks 0-7)")));
  EXPECT_THAT(outcome.out, HasSubstr("attempt 1 ended: killed [rank 3 on n1, signal 9]\n"
                                     "  | out of memory\n"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("\033")));
  EXPECT_THAT(scheduler.Octet({"job", "j7", "--color", "always"}).out, HasSubstr("\033[31mfailed"));
}

TEST(JobTest, PageTellsWhyAJobWaitsAndWhatItAskedFor) {
  FakeScheduler scheduler;
  scheduler.get = [](const v1::GetJobRequest&, v1::Job* job) {
    job->set_job_id("j8");
    job->set_state(v1::JOB_STATE_PENDING);
    job->set_reason("16 slots are needed");
    job->set_array_job_id("j5");
    job->set_array_index(3);
    job->set_preemptions(2);
    job->mutable_spec()->set_team("vision");
    job->mutable_spec()->set_priority(7);
    for (const char* arg : {"sh", "-c", "echo 'x'"})
      job->mutable_spec()->mutable_command()->add_argv(arg);
    job->mutable_spec()->mutable_command()->mutable_gang()->set_slots(16);
    for (const auto code : {v1::PENDING_CODE_SLOTS, v1::PENDING_CODE_QUOTA}) {
      job->add_pending_reasons()->set_code(code);
      job->mutable_pending_reasons()->rbegin()->set_message("because");
    }
    return grpc::Status::OK;
  };
  const Outcome outcome = scheduler.Octet({"job", "j8"});
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("team       vision\n"), HasSubstr("priority   7\n"),
                    HasSubstr(R"(command    sh -c 'echo '\''x'\''')"), HasSubstr("slots      16\n"),
                    HasSubstr("array      j5[3]\n"), HasSubstr("preempted  2 times\n")));
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("reason     16 slots are needed\n"),
                                 HasSubstr("- cannot now: because (quota)\n")));
  EXPECT_THAT(outcome.err, HasSubstr("octet why j8"));
}

TEST(JobTest, UnknownJobIsNotFound) {
  FakeScheduler scheduler;
  scheduler.get = [](const v1::GetJobRequest&, v1::Job*) {
    return grpc::Status(grpc::StatusCode::NOT_FOUND, "there is no job j99");
  };
  const Outcome outcome = scheduler.Octet({"job", "j99"});
  EXPECT_EQ(outcome.code, kNotFound);
  EXPECT_EQ(outcome.err, "octet: there is no job j99\n");
}

TEST(JobsTest, FiltersAndReadsPagesUpToTheLimit) {
  FakeScheduler scheduler;
  std::vector<v1::ListJobsRequest> requests;
  scheduler.list = [&](const v1::ListJobsRequest& request, v1::ListJobsResponse* response) {
    requests.push_back(request);
    for (int i = 0; i < std::min(request.page_size(), 2); ++i) *response->add_jobs() = FailedJob();
    response->set_next_page_token("more");
    return grpc::Status::OK;
  };
  const Outcome outcome = scheduler.Octet(
      {"jobs", "--state", "failed", "--name", "demo", "--owner", "ada", "-n", "3", "-o", "json"});
  EXPECT_THAT(nlohmann::json::parse(outcome.out), SizeIs(3));
  ASSERT_THAT(requests, SizeIs(2));
  EXPECT_EQ(requests[0].filter(), "state=failed name=demo owner=ada");
  EXPECT_EQ(requests[1].page_token(), "more");
  EXPECT_EQ(requests[1].page_size(), 1);
}

TEST(JobsTest, WideHasMoreColumns) {
  FakeScheduler scheduler;
  scheduler.list = [](const v1::ListJobsRequest&, v1::ListJobsResponse* response) {
    *response->add_jobs() = FailedJob();
    return grpc::Status::OK;
  };
  EXPECT_THAT(scheduler.Octet({"jobs"}).out,
              AllOf(HasSubstr("j7"), HasSubstr("failed"), HasSubstr("1m02s"),
                    Not(HasSubstr("too many restarts"))));
  EXPECT_THAT(scheduler.Octet({"jobs", "-o", "wide"}).out,
              AllOf(HasSubstr("ada"), HasSubstr("too many restarts")));
}

TEST(JobsTest, PendingJobsSayWhyInAWord) {
  FakeScheduler scheduler;
  scheduler.list = [](const v1::ListJobsRequest&, v1::ListJobsResponse* response) {
    v1::Job& job = *response->add_jobs();
    job.set_job_id("j8");
    job.set_state(v1::JOB_STATE_PENDING);
    job.set_array_job_id("j5");
    job.set_array_index(3);
    job.mutable_spec()->set_team("vision");
    v1::PendingReason& quota = *job.add_pending_reasons();
    quota.set_code(v1::PENDING_CODE_QUOTA);
    quota.set_team("vision");
    v1::PendingReason& behind = *job.add_pending_reasons();
    behind.set_code(v1::PENDING_CODE_BEHIND);
    behind.set_job_id("j4");
    return grpc::Status::OK;
  };
  EXPECT_THAT(scheduler.Octet({"jobs"}).out, HasSubstr("pending (quota vision, behind j4)"));
  EXPECT_THAT(scheduler.Octet({"jobs", "-o", "wide"}).out, HasSubstr("j5[3]"));
}

TEST(CancelTest, SendsTheReason) {
  FakeScheduler scheduler;
  v1::CancelJobRequest sent;
  scheduler.cancel = [&](const v1::CancelJobRequest& request, v1::Job* job) {
    sent = request;
    job->set_job_id("j7");
    job->set_state(v1::JOB_STATE_RUNNING);
    return grpc::Status::OK;
  };
  EXPECT_EQ(scheduler.Octet({"cancel", "j7", "--reason", "wrong data"}).out,
            "job j7 is asked to end\n");
  EXPECT_EQ(sent.reason(), "wrong data");
}

TEST(NodesTest, CountsUsedSlotsOverAllPages) {
  FakeScheduler scheduler;
  scheduler.nodes = [](const v1::ListNodesRequest& request, v1::ListNodesResponse* response) {
    const bool first = request.page_token().empty();
    if (first) response->set_next_page_token("more");
    v1::Node& node = *response->add_nodes();
    node.set_name(first ? "n1" : "n2");
    node.set_state(first ? v1::NODE_STATE_READY : v1::NODE_STATE_LOST);
    for (int i = 0; i < 8; ++i) node.add_slots()->set_resource("cpu");
    node.mutable_slots(0)->set_job_id("j1");
    return grpc::Status::OK;
  };
  const Outcome outcome = scheduler.Octet({"nodes"});
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("n1    ready   1/8  cpu"), HasSubstr("n2    lost ")));
}

TEST(JobsTest, TrialsOfASweepAreListedTheBestFirst) {
  FakeScheduler scheduler;
  scheduler.list = [](const v1::ListJobsRequest& request, v1::ListJobsResponse* response) {
    EXPECT_EQ(request.filter(), "array=j5");
    for (const char* rate : {"0.1", "0.2"}) {
      v1::Job& job = *response->add_jobs();
      job.set_job_id(absl::StrCat("j", 4 + response->jobs_size()));
      job.mutable_spec()->mutable_sweep()->add_parameters()->set_field("train.rate");
      (*job.mutable_spec()->mutable_labels())["train.rate"] = rate;
      job.mutable_progress()->set_top1(70 + response->jobs_size());
    }
    return grpc::Status::OK;
  };
  const std::string out = scheduler.Octet({"jobs", "--array", "j5"}).out;
  ASSERT_THAT(out, AllOf(HasSubstr("TRIAL"), HasSubstr("rate=0.1"), HasSubstr("rate=0.2")));
  EXPECT_LT(out.find("rate=0.2"), out.find("rate=0.1"));
}

TEST(NodesTest, TellsDrainsAndEndsOfLife) {
  FakeScheduler scheduler;
  scheduler.nodes = [](const v1::ListNodesRequest&, v1::ListNodesResponse* response) {
    v1::Node& node = *response->add_nodes();
    node.set_name("n1");
    node.mutable_drain()->set_reason("bad fan");
    node.mutable_drain()->set_by("ada");
    *node.mutable_end_of_life_time() = At(1000);
    return grpc::Status::OK;
  };
  EXPECT_THAT(scheduler.Octet({"nodes"}).out,
              AllOf(HasSubstr("drained: bad fan; its time is over"), Not(HasSubstr("ada"))));
  EXPECT_THAT(scheduler.Octet({"nodes", "-o", "wide"}).out, HasSubstr("ada"));
}

TEST(ArtifactsTest, ListsNamesAndSizes) {
  FakeScheduler scheduler;
  scheduler.artifacts = [](const v1::ListArtifactsRequest& request,
                           v1::ListArtifactsResponse* response) {
    EXPECT_EQ(request.job_id(), "j7");
    v1::Artifact& artifact = *response->add_artifacts();
    artifact.set_name("gpu/model.onnx");
    artifact.set_bytes(2048);
    artifact.set_sha256("abc123");
    return grpc::Status::OK;
  };
  EXPECT_THAT(scheduler.Octet({"artifacts", "j7"}).out,
              AllOf(HasSubstr("gpu/model.onnx  2.0 KiB"), Not(HasSubstr("abc123"))));
  EXPECT_THAT(scheduler.Octet({"artifacts", "j7", "-o", "wide"}).out, HasSubstr("abc123"));
}

}  // namespace
}  // namespace octet::client
