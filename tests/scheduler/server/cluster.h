// A scheduler in this process, and agents that tests play.
#ifndef OCTET_TESTS_SCHEDULER_SERVER_CLUSTER_H_
#define OCTET_TESTS_SCHEDULER_SERVER_CLUSTER_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "grpcpp/grpcpp.h"
#include "octet/v1/agents.grpc.pb.h"
#include "octet/v1/artifacts.grpc.pb.h"
#include "octet/v1/events.grpc.pb.h"
#include "octet/v1/jobs.grpc.pb.h"
#include "octet/v1/logs.grpc.pb.h"
#include "octet/v1/nodes.grpc.pb.h"
#include "scheduler/server/options.h"
#include "scheduler/server/server.h"
#include "tests/scheduler/server/temp_dir.h"

namespace octet::scheduler {

/// Long enough that no test meets it unless something hangs.
inline constexpr int kDeadlineSeconds = 30;

/// A client's context, with that deadline.
std::unique_ptr<grpc::ClientContext> NewContext();

/// Trains the zoo's cnn on Fashion-MNIST over `slots` CPU slots.
v1::JobSpec TrainJob(const std::string& name, int slots);

/// A scheduler on a Unix socket in its own folder, over the SQLite store
/// unless a test brings another.
class TestCluster {
 public:
  explicit TestCluster(ServerDependencies dependencies = {}) { Start(std::move(dependencies)); }
  /// With TLS on 127.0.0.1 too, the second of its addresses. tls: its folder.
  TestCluster(const std::string& tls, ServerDependencies dependencies) {
    options_.tls = tls;
    options_.listen = {"unix:" + dir_.path() + "/scheduler.sock", "127.0.0.1:0"};
    Start(std::move(dependencies));
  }

  /// Closes the scheduler and starts another on the same folder.
  void Restart(ServerDependencies dependencies = {});

  Options& options() { return options_; }
  /// To the first address.
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  const std::string& address(size_t index) const { return server_->addresses().at(index); }

  /// Calls, with what they answered.
  std::pair<absl::Status, v1::Job> Create(const v1::JobSpec& spec,
                                          const std::string& request_id = "");
  v1::Job Get(const std::string& job_id);
  std::pair<absl::Status, v1::Job> Cancel(const std::string& job_id);
  std::pair<absl::Status, v1::ListJobsResponse> List(const std::string& filter = "",
                                                     int page_size = 0,
                                                     const std::string& page_token = "");
  std::vector<v1::Node> Nodes();
  /// Watches until the job is as `wanted` says.
  v1::Job WaitFor(const std::string& job_id, const std::function<bool(const v1::Job&)>& wanted);
  v1::Job WaitFor(const std::string& job_id, v1::JobState state);

 private:
  void Start(ServerDependencies dependencies);

  TempDir dir_;
  Options options_{.dir = dir_.path(), .heartbeat_interval = absl::Milliseconds(100)};
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

/// The agent of one node, played message by message.
class FakeAgent {
 public:
  FakeAgent(const TestCluster& cluster, std::string node, int cpu_slots,
            std::string instance = "first");
  ~FakeAgent();

  /// Opens the stream and answers with the welcome, or why there was none.
  std::pair<absl::Status, v1::AgentWelcome> Connect(
      const std::vector<v1::AttemptRef>& running = {});
  /// The next message from the scheduler, other than acknowledgements; an
  /// empty one when the stream is at its end.
  v1::SchedulerMessage Next();
  v1::StartAttempt NextStart() { return Next().start_attempt(); }
  /// Sends, and waits until it is stored.
  void Report(v1::AttemptReport report);
  /// Sends what is never acknowledged.
  void Send(const v1::AgentMessage& message);
  /// Drops the connection, and answers with how the stream ended.
  absl::Status Disconnect();

  void ReportStarted(const v1::AttemptRef& ref);
  void ReportSucceeded(const v1::AttemptRef& ref);
  void ReportFailed(const v1::AttemptRef& ref, v1::FailureClass failure_class,
                    const std::string& message);
  void ReportStopped(const v1::AttemptRef& ref);

 private:
  const std::string node_;
  const int cpu_slots_;
  const std::string instance_;
  std::unique_ptr<v1::AgentService::Stub> stub_;
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::AgentMessage, v1::SchedulerMessage>> stream_;
  int64_t sequence_ = 0;
  std::vector<v1::SchedulerMessage> unread_;  // came while Report waited
};

}  // namespace octet::scheduler

#endif  // OCTET_TESTS_SCHEDULER_SERVER_CLUSTER_H_
