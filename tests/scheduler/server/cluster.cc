#include "tests/scheduler/server/cluster.h"

#include "common/grpc_status.h"
#include "gtest/gtest.h"

namespace octet::scheduler {

std::unique_ptr<grpc::ClientContext> NewContext() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(kDeadlineSeconds));
  return context;
}

v1::JobSpec TrainJob(const std::string& name, int slots) {
  v1::JobSpec spec;
  spec.set_name(name);
  v1::TrainSpec& train = *spec.mutable_train();
  train.mutable_model()->set_name("cnn");
  train.mutable_dataset()->set_name("fashion-mnist");
  train.mutable_gang()->set_slots(slots);
  train.mutable_gang()->set_resource("cpu");
  return spec;
}

void TestCluster::Start(ServerDependencies dependencies) {
  auto server = Server::Start(options_, std::move(dependencies));
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  // A pool of its own: a new channel must not wait out an old one's backoff.
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  channel_ = grpc::CreateCustomChannel(server_->addresses().front(),
                                       grpc::InsecureChannelCredentials(), arguments);
}

void TestCluster::Restart(ServerDependencies dependencies) {
  server_.reset();
  Start(std::move(dependencies));
}

std::pair<absl::Status, v1::Job> TestCluster::Create(const v1::JobSpec& spec,
                                                     const std::string& request_id) {
  v1::CreateJobRequest request;
  *request.mutable_spec() = spec;
  request.set_request_id(request_id);
  v1::Job job;
  const grpc::Status status =
      v1::JobService::NewStub(channel_)->CreateJob(NewContext().get(), request, &job);
  return {FromGrpc(status), job};
}

v1::Job TestCluster::Get(const std::string& job_id) {
  v1::GetJobRequest request;
  request.set_job_id(job_id);
  v1::Job job;
  const grpc::Status status =
      v1::JobService::NewStub(channel_)->GetJob(NewContext().get(), request, &job);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return job;
}

std::pair<absl::Status, v1::Job> TestCluster::Cancel(const std::string& job_id) {
  v1::CancelJobRequest request;
  request.set_job_id(job_id);
  v1::Job job;
  const grpc::Status status =
      v1::JobService::NewStub(channel_)->CancelJob(NewContext().get(), request, &job);
  return {FromGrpc(status), job};
}

std::pair<absl::Status, v1::ListJobsResponse> TestCluster::List(const std::string& filter,
                                                                int page_size,
                                                                const std::string& page_token) {
  v1::ListJobsRequest request;
  request.set_filter(filter);
  request.set_page_size(page_size);
  request.set_page_token(page_token);
  v1::ListJobsResponse response;
  const grpc::Status status =
      v1::JobService::NewStub(channel_)->ListJobs(NewContext().get(), request, &response);
  return {FromGrpc(status), response};
}

std::vector<v1::Node> TestCluster::Nodes() {
  v1::ListNodesResponse response;
  const grpc::Status status =
      v1::NodeService::NewStub(channel_)->ListNodes(NewContext().get(), {}, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return {response.nodes().begin(), response.nodes().end()};
}

v1::Job TestCluster::WaitFor(const std::string& job_id,
                             const std::function<bool(const v1::Job&)>& wanted) {
  v1::WatchJobRequest request;
  request.set_job_id(job_id);
  const auto context = NewContext();
  const auto stub = v1::JobService::NewStub(channel_);
  const auto reader = stub->WatchJob(context.get(), request);
  v1::Job job;
  while (reader->Read(&job)) {
    if (!wanted(job)) continue;
    context->TryCancel();
    reader->Finish().IgnoreError();
    return job;
  }
  ADD_FAILURE() << job_id
                << " never became what was waited for: " << reader->Finish().error_message() << "\n"
                << job.DebugString();
  return job;
}

v1::Job TestCluster::WaitFor(const std::string& job_id, v1::JobState state) {
  return WaitFor(job_id, [state](const v1::Job& job) { return job.state() == state; });
}

FakeAgent::FakeAgent(const TestCluster& cluster, std::string node, int cpu_slots,
                     std::string instance)
    : node_(std::move(node)),
      cpu_slots_(cpu_slots),
      instance_(std::move(instance)),
      stub_(v1::AgentService::NewStub(cluster.channel())) {}

FakeAgent::~FakeAgent() {
  if (stream_ != nullptr) Disconnect().IgnoreError();
}

std::pair<absl::Status, v1::AgentWelcome> FakeAgent::Connect(
    const std::vector<v1::AttemptRef>& running) {
  if (stream_ != nullptr) Disconnect().IgnoreError();
  context_ = NewContext();
  stream_ = stub_->Connect(context_.get());
  v1::AgentMessage message;
  v1::AgentHello& hello = *message.mutable_hello();
  hello.mutable_node()->set_name(node_);
  for (int i = 0; i < cpu_slots_; ++i) {
    v1::Slot& slot = *hello.mutable_node()->add_slots();
    slot.set_index(i);
    slot.set_resource("cpu");
  }
  hello.set_agent_instance(instance_);
  for (const v1::AttemptRef& ref : running) *hello.add_running() = ref;
  stream_->Write(message);
  v1::SchedulerMessage answer;
  if (!stream_->Read(&answer)) {
    const grpc::Status status = stream_->Finish();
    stream_.reset();
    return {FromGrpc(status), {}};
  }
  EXPECT_TRUE(answer.has_welcome()) << answer.DebugString();
  return {absl::OkStatus(), answer.welcome()};
}

v1::SchedulerMessage FakeAgent::Next() {
  if (!unread_.empty()) {
    v1::SchedulerMessage message = unread_.front();
    unread_.erase(unread_.begin());
    return message;
  }
  v1::SchedulerMessage message;
  while (stream_->Read(&message))
    if (!message.has_report_ack()) return message;
  return {};
}

void FakeAgent::Report(v1::AttemptReport report) {
  report.set_sequence(++sequence_);
  v1::AgentMessage message;
  *message.mutable_report() = std::move(report);
  Send(message);
  v1::SchedulerMessage answer;
  while (stream_->Read(&answer)) {
    if (answer.report_ack().sequence() >= sequence_) return;
    if (!answer.has_report_ack()) unread_.push_back(answer);
  }
  ADD_FAILURE() << "the stream ended before report " << sequence_ << " was acknowledged";
}

void FakeAgent::Send(const v1::AgentMessage& message) { EXPECT_TRUE(stream_->Write(message)); }

absl::Status FakeAgent::Disconnect() {
  context_->TryCancel();
  v1::SchedulerMessage ignored;
  while (stream_->Read(&ignored)) {
  }
  const grpc::Status status = stream_->Finish();
  stream_.reset();
  return FromGrpc(status);
}

void FakeAgent::ReportStarted(const v1::AttemptRef& ref) {
  v1::AttemptReport report;
  *report.mutable_ref() = ref;
  report.mutable_started()->add_pids(1);
  Report(report);
}

void FakeAgent::ReportSucceeded(const v1::AttemptRef& ref) {
  v1::AttemptReport report;
  *report.mutable_ref() = ref;
  report.mutable_ended()->set_succeeded(true);
  Report(report);
}

void FakeAgent::ReportFailed(const v1::AttemptRef& ref, v1::FailureClass failure_class,
                             const std::string& message) {
  v1::AttemptReport report;
  *report.mutable_ref() = ref;
  report.mutable_ended()->mutable_failure()->set_failure_class(failure_class);
  report.mutable_ended()->mutable_failure()->set_message(message);
  Report(report);
}

void FakeAgent::ReportStopped(const v1::AttemptRef& ref) {
  v1::AttemptReport report;
  *report.mutable_ref() = ref;
  report.mutable_ended()->set_stopped(true);
  Report(report);
}

}  // namespace octet::scheduler
