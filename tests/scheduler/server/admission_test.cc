#include "scheduler/server/admission.h"

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "scheduler/store/store.h"
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

/// A memory store whose disk, once it is told so, does not come back.
class StalledStore final : public Store {
 public:
  std::atomic<bool> stalls = false;
  absl::Notification stalled, goes_on;

  absl::Status Commit(const std::vector<Batch>& batches) override {
    if (stalls.exchange(false)) {
      stalled.Notify();
      goes_on.WaitForNotification();
    }
    return base_->Commit(batches);
  }
  absl::StatusOr<std::vector<std::pair<std::string, std::string>>> LoadTable(
      const std::string& table) const override {
    return base_->LoadTable(table);
  }
  absl::StatusOr<std::vector<StoredEvent>> Events(const std::string& job, int64_t after,
                                                  int limit) const override {
    return base_->Events(job, after, limit);
  }

 private:
  const std::unique_ptr<Store> base_ = NewMemoryStore();
};

// How a stream ends whose first message is not hello: an answer without a disk.
grpc::Status AnswerToStranger(const TestCluster& cluster) {
  const auto stub = v1::AgentService::NewStub(cluster.channel());
  const auto context = NewContext();
  const auto stream = stub->Connect(context.get());
  v1::AgentMessage message;
  message.mutable_heartbeat();
  stream->Write(message);
  v1::SchedulerMessage answer;
  while (stream->Read(&answer)) {
  }
  return stream->Finish();
}

TEST(AdmissionServiceTest, ARefusalTellsTheDelayAndAgentsAreHeardAllTheSame) {
  auto* store = new StalledStore;
  TestCluster cluster;
  cluster.options().most_changes = 1;
  cluster.Restart(ServerDependencies{.store = std::unique_ptr<Store>(store)});
  store->stalls = true;
  std::thread under_way([&] { EXPECT_TRUE(cluster.Create(TrainJob("a", 1)).first.ok()); });
  store->stalled.WaitForNotification();

  const auto stub = v1::JobService::NewStub(cluster.channel());
  v1::CreateJobRequest create;
  *create.mutable_spec() = TrainJob("b", 1);
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
  EXPECT_EQ(AnswerToStranger(cluster).error_code(), grpc::FAILED_PRECONDITION);
  v1::ListJobsResponse list;
  EXPECT_TRUE(stub->ListJobs(NewContext().get(), {}, &list).ok()) << "who only looks is let in";

  store->goes_on.Notify();
  under_way.join();
  EXPECT_TRUE(cluster.Cancel("j1").first.ok()) << "the place is free again";
}

TEST(AdmissionServiceTest, AgentsAreHeardWhileRepeatedCallsWaitForTheDisk) {
  constexpr int kRepeats = 32;  // more than gRPC has threads for callbacks
  auto* store = new StalledStore;
  TestCluster cluster(ServerDependencies{.store = std::unique_ptr<Store>(store)});
  store->stalls = true;
  std::vector<std::thread> callers;
  std::atomic<int> same = 0;
  const auto create = [&] {
    same += cluster.Create(TrainJob("a", 1), "r1").second.job_id() == "j1";
  };
  callers.emplace_back(create);
  store->stalled.WaitForNotification();
  for (int i = 0; i < kRepeats; ++i) callers.emplace_back(create);
  // Calls of one connection are taken up in their order: behind some of the repeats.
  for (int i = 0; i < kRepeats; ++i)
    EXPECT_EQ(AnswerToStranger(cluster).error_code(), grpc::FAILED_PRECONDITION);
  store->goes_on.Notify();
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(same, kRepeats + 1);
}

}  // namespace
}  // namespace octet::scheduler
