// Takes what ranks print to the scheduler, as they print it.
#ifndef OCTET_WORKER_AGENT_LOG_SHIPPER_H_
#define OCTET_WORKER_AGENT_LOG_SHIPPER_H_

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/channel.h"
#include "octet/v1/agents.grpc.pb.h"
#include "worker/agent/calls.h"

namespace octet::agent {

/// A file that a rank writes and this follows.
struct LogFile {
  int rank = 0;
  std::string stream;  // stdout or stderr.
  std::string path;
};

/// Ships one attempt's logs, as they grow, once told to follow them, in a thread
/// of its own. An absent scheduler is
/// waited for; the length it answers with says where to go on. A log that it
/// refuses is dropped with a warning and stays on the node.
class LogShipper {
 public:
  LogShipper(std::shared_ptr<grpc::Channel> scheduler, v1::AttemptRef ref,
             const std::vector<LogFile>& files);
  /// Gives up what is not shipped yet.
  ~LogShipper();
  LogShipper(const LogShipper&) = delete;
  LogShipper& operator=(const LogShipper&) = delete;

  /// Ships from now on what the files gain. Once.
  void Follow();
  /// Ships what the files hold now, to their ends, and returns: in the calling
  /// thread, if they were not followed. Once; nothing writes to them any more.
  void Finish();
  /// Gives up; any thread.
  void Abandon() { cancellation_.Cancel(); }

 private:
  struct Log {
    LogFile file;
    int64_t shipped = 0;
    bool refused = false;
  };
  void Run();
  bool ShipPiece(Log& log);

  const std::unique_ptr<v1::AgentService::Stub> stub_;
  const v1::AttemptRef ref_;
  std::vector<Log> logs_;  // The thread's own.
  Cancellation cancellation_;
  absl::Mutex mutex_;
  bool finishing_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_LOG_SHIPPER_H_
