#include "scheduler/server/admission.h"

#include <optional>

#include "gtest/gtest.h"
#include "tests/scheduler/server/cluster.h"

namespace octet::scheduler {
namespace {

TEST(AdmissionTest, TakesSoManyAndOneMoreWhenOneHasLeft) {
  Admission admission(2);
  grpc::ServerContext context;
  auto first = admission.Enter(context), second = admission.Enter(context);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(admission.Enter(context).status().code(), absl::StatusCode::kResourceExhausted);
  { const Admission::Ticket leaves = *std::move(second); }
  auto third = admission.Enter(context);
  EXPECT_TRUE(third.ok());
  EXPECT_FALSE(admission.Enter(context).ok()) << "a refusal takes no place";
}

TEST(AdmissionServiceTest, ARefusalTellsTheDelayAndAgentsAreHeardAllTheSame) {
  TestCluster cluster;
  cluster.options().most_changes = 0;
  cluster.Restart();
  FakeAgent agent(cluster, "n1", 1);
  EXPECT_TRUE(agent.Connect().first.ok());

  const auto stub = v1::JobService::NewStub(cluster.channel());
  v1::CreateJobRequest create;
  *create.mutable_spec() = TrainJob("a", 1);
  v1::CancelJobRequest cancel;
  cancel.set_job_id("j1");
  const auto refused = [](grpc::ClientContext& context, const grpc::Status& status) {
    EXPECT_EQ(status.error_code(), grpc::RESOURCE_EXHAUSTED) << status.error_message();
    const auto& metadata = context.GetServerTrailingMetadata();
    const auto delay = metadata.find(Admission::kDelayKey);
    ASSERT_NE(delay, metadata.end());
    EXPECT_GT(std::stoi(std::string(delay->second.data(), delay->second.size())), 0);
  };
  v1::Job job;
  const auto creates = NewContext(), cancels = NewContext();
  refused(*creates, stub->CreateJob(creates.get(), create, &job));
  refused(*cancels, stub->CancelJob(cancels.get(), cancel, &job));
  v1::ListJobsResponse list;
  EXPECT_TRUE(stub->ListJobs(NewContext().get(), {}, &list).ok()) << "who only looks is let in";
}

}  // namespace
}  // namespace octet::scheduler
