#include <atomic>
#include <iostream>

#include "client/connection.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "octet/v1/jobs.grpc.pb.h"
#include "tests/common/temp_folder.h"

namespace octet::client {
namespace {

/// Refuses the first calls and tells a delay.
class BusyScheduler final : public v1::JobService::Service {
 public:
  explicit BusyScheduler(int refusals) : refusals_(refusals) {}
  int calls() const { return calls_; }

  grpc::Status CreateJob(grpc::ServerContext* context, const v1::CreateJobRequest*,
                         v1::Job* job) override {
    if (++calls_ <= refusals_) {
      context->AddTrailingMetadata("grpc-retry-pushback-ms", "1");
      return {grpc::RESOURCE_EXHAUSTED, "busy"};
    }
    job->set_job_id("j1");
    return grpc::Status::OK;
  }

 private:
  const int refusals_;
  std::atomic<int> calls_ = 0;
};

grpc::Status CreateOn(BusyScheduler& scheduler, v1::Job* job) {
  const TempFolder folder;
  const std::string address = "unix:" + (folder / "s");
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterService(&scheduler);
  const auto server = builder.BuildAndStart();
  Context context(std::cin, std::cout, std::cerr);
  context.server = address;
  grpc::ClientContext call;
  SetCallDeadline(call);
  return v1::JobService::NewStub(context.Channel())->CreateJob(&call, {}, job);
}

TEST(RetryTest, ABusySchedulerIsCalledAgain) {
  BusyScheduler scheduler(3);
  v1::Job job;
  const grpc::Status status = CreateOn(scheduler, &job);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(job.job_id(), "j1");
  EXPECT_EQ(scheduler.calls(), 4);
}

TEST(RetryTest, OneThatStaysBusyIsGivenUpAfterSomeCalls) {
  BusyScheduler scheduler(1000);
  v1::Job job;
  EXPECT_EQ(CreateOn(scheduler, &job).error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(scheduler.calls(), 5);
}

}  // namespace
}  // namespace octet::client
