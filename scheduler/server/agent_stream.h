// One agent's connection.
#ifndef OCTET_SCHEDULER_SERVER_AGENT_STREAM_H_
#define OCTET_SCHEDULER_SERVER_AGENT_STREAM_H_

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/support/server_callback.h"
#include "octet/v1/agents.pb.h"
#include "scheduler/server/artifact_store.h"
#include "scheduler/server/controller.h"
#include "scheduler/server/gate.h"

namespace octet::scheduler {

/// Takes what the agent says to the controller, and the controller's messages
/// to the agent. Kept alive by the call until it is done, and by those who
/// hold it as their session.
class AgentStream final : public grpc::ServerBidiReactor<v1::AgentMessage, v1::SchedulerMessage>,
                          public AgentSession {
 public:
  /// All but `call` must outlive the stream. call: a node speaks for itself
  /// alone.
  static AgentStream* Start(Controller& controller, ArtifactStore& artifacts, const Gate& gate,
                            Admitted call);
  /// A stream that ends with `status` and says nothing.
  static AgentStream* Refuse(const absl::Status& status);

  void Send(v1::SchedulerMessage message) override;
  void Close(const absl::Status& status) override;

 private:
  AgentStream() = default;

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override { self_.reset(); }

  absl::Status Take(const v1::AgentMessage& message);
  absl::Status Greet(const v1::AgentHello& hello);
  void TakeReport(const v1::AttemptReport& report);
  void PruneCheckpoints(const std::string& job_id);

  // Null for a stream that is refused, which takes nothing.
  Controller* controller_ = nullptr;
  ArtifactStore* artifacts_ = nullptr;
  const Gate* gate_ = nullptr;
  Admitted call_;
  std::shared_ptr<AgentStream> self_;
  // Of the reading side, which is one call at a time.
  v1::AgentMessage incoming_;
  std::string node_;  // empty: no hello yet

  absl::Mutex mutex_;
  /// The front one is being written.
  std::deque<v1::SchedulerMessage> outgoing_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> closed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_AGENT_STREAM_H_
