// One contract for both links, and what each makes of a report.
#include "worker/trainer/rank_link.h"

#include <thread>

#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "octet/v1/ranks.grpc.pb.h"
#include "tests/worker/trainer/scratch.h"
#include "worker/isolation/attempt_key.h"

namespace octet::trainer {
namespace {

using testing::HasSubstr;

// The agent's side: one rendezvous, every report kept, `answer` to each.
class FakeAgent : public v1::RankService::Service {
 public:
  explicit FakeAgent(const std::string& address) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~FakeAgent() override { server_->Shutdown(); }

  grpc::Status OpenRendezvous(grpc::ServerContext*, const v1::OpenRendezvousRequest* request,
                              v1::OpenRendezvousResponse*) override {
    endpoint_ = "127.0.0.1:" + std::to_string(request->port());
    return grpc::Status::OK;
  }
  grpc::Status GetRendezvous(grpc::ServerContext*, const v1::GetRendezvousRequest*,
                             v1::GetRendezvousResponse* response) override {
    if (endpoint_.empty()) return {grpc::StatusCode::DEADLINE_EXCEEDED, "not yet"};
    response->set_endpoint(endpoint_);
    return grpc::Status::OK;
  }
  grpc::Status Report(grpc::ServerContext* context, const v1::RankReport* request,
                      v1::RankReportResponse*) override {
    reports.push_back(*request);
    const auto found = context->client_metadata().find(isolation::kAttemptKeyMetadata);
    if (found != context->client_metadata().end())
      key.assign(found->second.data(), found->second.size());
    return answer;
  }

  std::vector<v1::RankReport> reports;
  std::string key;  // Of the last report.
  grpc::Status answer;

 private:
  std::string endpoint_;
  std::unique_ptr<grpc::Server> server_;
};

struct Pair {
  std::unique_ptr<RankLink> first, second;
};

class RankLinkContract : public testing::TestWithParam<std::string> {
 protected:
  Pair Make() {
    if (GetParam() == "local")
      return {LocalLink(scratch_ / "rendezvous", 0), LocalLink(scratch_ / "rendezvous", 1)};
    agent_.emplace("unix:" + scratch_ / "ranks.sock");
    const auto link = [&](int rank) {
      return AgentLink("unix:" + scratch_ / "ranks.sock", "j1", 2, rank);
    };
    return {link(0), link(1)};
  }
  const Scratch scratch_;
  std::optional<FakeAgent> agent_;
};

TEST_P(RankLinkContract, PassesTheRendezvousOn) {
  Pair links = Make();
  ASSERT_TRUE(links.first->OpenRendezvous(4321).ok());
  const auto endpoint = links.second->GetRendezvous(absl::Seconds(10));
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  EXPECT_EQ(*endpoint, "127.0.0.1:4321");
}

TEST_P(RankLinkContract, SaysWhenRankZeroIsNotThereYet) {
  Pair links = Make();
  EXPECT_TRUE(
      absl::IsDeadlineExceeded(links.second->GetRendezvous(absl::Milliseconds(1)).status()));
}

TEST_P(RankLinkContract, TakesEveryKindOfReport) {
  Pair links = Make();
  for (const Report& report : {Report(Progress()), Report(FileReady{"/p", "a", 1}),
                               Report(Result()), Report(Failure()), Report(Resumed{3})})
    EXPECT_TRUE(links.first->Send(report).ok());
}

INSTANTIATE_TEST_SUITE_P(All, RankLinkContract, testing::Values("local", "agent"),
                         [](const auto& info) { return info.param; });

class AgentLinkTest : public testing::Test {
 protected:
  const Scratch scratch_;
  const std::string address_ = "unix:" + scratch_ / "ranks.sock";
  FakeAgent agent_{address_};
  const std::unique_ptr<RankLink> link_ = AgentLink(address_, "j1", 2, 5, "the key");
};

TEST_F(AgentLinkTest, SaysWhichRankOfWhichAttemptItIs) {
  ASSERT_TRUE(link_->Send(Resumed{12}).ok());
  ASSERT_EQ(agent_.reports.size(), 1u);
  EXPECT_EQ(agent_.reports[0].ref().job_id(), "j1");
  EXPECT_EQ(agent_.reports[0].ref().attempt(), 2);
  EXPECT_EQ(agent_.reports[0].ref().rank(), 5);
  EXPECT_EQ(agent_.reports[0].resumed_step(), 12);
  EXPECT_EQ(agent_.key, "the key");
}

TEST_F(AgentLinkTest, FillsInTheFailure) {
  ASSERT_TRUE(link_->Send(Failure{FailureClass::kJob, "loss is nan", true}).ok());
  const v1::Failure& failure = agent_.reports.at(0).failure();
  EXPECT_EQ(failure.failure_class(), v1::FAILURE_CLASS_JOB);
  EXPECT_EQ(failure.message(), "loss is nan");
  EXPECT_EQ(failure.rank(), 5);
  EXPECT_TRUE(failure.secondary());
}

TEST_F(AgentLinkTest, FillsInProgress) {
  Progress progress{.step = 4, .total_steps = 9, .loss = 0.5};
  progress.step_time.communication = 0.25;
  progress.rank_step_time.compute = 0.75;
  progress.remaining = absl::Seconds(3);
  ASSERT_TRUE(link_->Send(progress).ok());
  const v1::TrainProgress& sent = agent_.reports.at(0).progress();
  EXPECT_EQ(sent.step(), 4);
  EXPECT_EQ(sent.total_steps(), 9);
  EXPECT_DOUBLE_EQ(sent.loss(), 0.5);
  EXPECT_DOUBLE_EQ(sent.step_time().communication_s(), 0.25);
  EXPECT_DOUBLE_EQ(agent_.reports.at(0).rank_step_time().compute_s(), 0.75);
  EXPECT_EQ(sent.remaining().seconds(), 3);
}

// So that leaving counts neither as the job's fault nor as a peer's silence.
TEST_F(AgentLinkTest, TellsAnAttemptThatIsOverFromAFault) {
  agent_.answer = {grpc::StatusCode::FAILED_PRECONDITION, "attempt 2 is over"};
  EXPECT_TRUE(absl::IsAborted(link_->Send(Resumed{1})));
}

TEST(AgentLinkAloneTest, FailsWithoutAnAgent) {
  const Scratch scratch;
  const auto link = AgentLink("unix:" + scratch / "nobody.sock", "j1", 1, 0);
  EXPECT_TRUE(absl::IsUnavailable(link->Send(Resumed{1})));
}

TEST(LocalLinkTest, PrintsRankZeroOnly) {
  testing::internal::CaptureStdout();
  ASSERT_TRUE(LocalLink("", 1)->Send(Resumed{4}).ok());
  ASSERT_TRUE(LocalLink("", 0)->Send(Resumed{5}).ok());
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "{\"resumed_step\":5}\n");
}

TEST(LocalLinkTest, NeedsAFileForSeveralRanks) {
  EXPECT_THAT(std::string(LocalLink("", 0)->OpenRendezvous(1).message()),
              HasSubstr("--rendezvous-file"));
}

TEST(FailureTest, FollowsTheStatusCode) {
  EXPECT_TRUE(ToFailure(absl::AbortedError("x")).secondary);
  EXPECT_TRUE(ToFailure(absl::DeadlineExceededError("x")).secondary);
  EXPECT_FALSE(ToFailure(absl::UnavailableError("x")).secondary);
  EXPECT_EQ(ToFailure(absl::UnavailableError("x")).failure_class, FailureClass::kInfrastructure);
  EXPECT_EQ(ToFailure(absl::ResourceExhaustedError("x")).failure_class,
            FailureClass::kInfrastructure);
  EXPECT_EQ(ToFailure(absl::OutOfRangeError("x")).failure_class, FailureClass::kJob);
}

}  // namespace
}  // namespace octet::trainer
