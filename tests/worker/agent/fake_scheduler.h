// A scheduler that does what the test says and remembers what it is told.
#ifndef OCTET_TESTS_WORKER_AGENT_FAKE_SCHEDULER_H_
#define OCTET_TESTS_WORKER_AGENT_FAKE_SCHEDULER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "grpcpp/server.h"
#include "octet/v1/agents.grpc.pb.h"
#include "octet/v1/artifacts.grpc.pb.h"

namespace octet::agent {

/// Serves AgentService and ArtifactService on a Unix socket. Thread-safe.
class FakeScheduler : private v1::AgentService::Service, private v1::ArtifactService::Service {
 public:
  /// What it was told, in order.
  struct Record {
    std::vector<v1::AgentHello> hellos;
    std::vector<v1::AttemptReport> reports;  // Repeated ones too.
    int heartbeats = 0;
    std::vector<std::string> problems;             // Of the newest heartbeat.
    std::vector<std::string> problems_at_end;      // The same, when an attempt's end came last.
    std::map<std::string, std::string> logs;       // By "RANK.STREAM".
    std::vector<int64_t> log_offsets;              // Of every AppendLog.
    std::map<std::string, std::string> artifacts;  // Finished, by name.
    std::map<std::string, std::string> uploads;    // Unfinished, by name.
    std::vector<int64_t> upload_offsets;           // Of every AppendArtifact with data.
    std::vector<int64_t> read_offsets;             // Of every ReadArtifact.
  };
  /// How it behaves; set through Configure.
  struct Behaviour {
    bool acknowledge = true;
    absl::Duration heartbeat_interval = absl::Milliseconds(20);
    std::vector<v1::AttemptRef> unwanted;
    absl::Status refuse_uploads;  // Not OK: the answer to AppendArtifact.
    int fail_reads_after = -1;    // Chunks, then UNAVAILABLE, once.
    bool endless_reads = false;   // ReadArtifact sends one chunk and no more.
  };

  /// Listens on `path` from Up on.
  explicit FakeScheduler(std::string path) : path_(std::move(path)) {}
  ~FakeScheduler() { Down(); }

  void Up();
  /// As if killed: connections break, nothing is acknowledged. Up brings it
  /// back with what it had recorded.
  void Down();
  std::string address() const { return "unix:" + path_; }

  void Configure(const std::function<void(Behaviour&)>& change);
  void ChangeRecord(const std::function<void(Record&)>& change);
  /// To the agent that is connected.
  void Send(const v1::SchedulerMessage& message);
  /// Waits until `condition` holds. False: it did not in a minute, which no
  /// passing test takes.
  bool WaitUntil(const std::function<bool(const Record&)>& condition);
  /// Waits for the first report that `matches`; an empty one if none comes.
  v1::AttemptReport WaitForReport(const std::function<bool(const v1::AttemptReport&)>& matches);
  Record record() const;

 private:
  using Stream = grpc::ServerReaderWriter<v1::SchedulerMessage, v1::AgentMessage>;
  grpc::Status Connect(grpc::ServerContext* context, Stream* stream) override;
  grpc::Status AppendLog(grpc::ServerContext* context, const v1::AppendLogRequest* request,
                         v1::AppendLogResponse* response) override;
  grpc::Status ListArtifacts(grpc::ServerContext* context, const v1::ListArtifactsRequest* request,
                             v1::ListArtifactsResponse* response) override;
  grpc::Status ReadArtifact(grpc::ServerContext* context, const v1::ReadArtifactRequest* request,
                            grpc::ServerWriter<v1::ReadArtifactResponse>* writer) override;
  grpc::Status AppendArtifact(grpc::ServerContext* context,
                              const v1::AppendArtifactRequest* request,
                              v1::AppendArtifactResponse* response) override;
  grpc::Status FinishArtifact(grpc::ServerContext* context,
                              const v1::FinishArtifactRequest* request,
                              v1::Artifact* response) override;

  const std::string path_;
  std::unique_ptr<grpc::Server> server_;
  mutable absl::Mutex mutex_;
  Record record_ ABSL_GUARDED_BY(mutex_);
  Behaviour behaviour_ ABSL_GUARDED_BY(mutex_);
  Stream* stream_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace octet::agent

#endif  // OCTET_TESTS_WORKER_AGENT_FAKE_SCHEDULER_H_
