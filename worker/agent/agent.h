// The agent: one per node, it runs the attempts that the scheduler puts there.
#ifndef OCTET_WORKER_AGENT_AGENT_H_
#define OCTET_WORKER_AGENT_AGENT_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/health_endpoint.h"
#include "grpcpp/server.h"
#include "worker/agent/attempt.h"
#include "worker/agent/attempt_ref.h"
#include "worker/agent/folder_lock.h"
#include "worker/agent/held_port.h"
#include "worker/agent/membership.h"
#include "worker/agent/options.h"
#include "worker/agent/rank_service.h"
#include "worker/agent/session.h"
#include "worker/isolation/isolation.h"

namespace octet::agent {

/// Thread-safe.
class Agent : private SessionHandler {
 public:
  /// Takes over the folder (killing what an earlier life left there), finds
  /// the slots, listens for ranks, and begins to dial the scheduler; it need
  /// not be there yet. ALREADY_EXISTS: another agent has the folder.
  static absl::StatusOr<std::unique_ptr<Agent>> Start(const AgentOptions& options);
  /// Kills what runs.
  ~Agent() override;

  /// host:port; empty: there is no health service.
  std::string health_address() const { return health_ == nullptr ? "" : health_->address(); }
  /// "unix:PATH", where ranks reach the agent.
  const std::string& rank_address() const { return context_.host.rank_address; }
  const v1::Node& node() const { return hello_.node(); }

  /// Asks the ranks to leave, waits for them, their files and their last
  /// reports, within limits. Nothing new is started any more.
  void Shutdown();

 private:
  explicit Agent(const AgentOptions& options) : options_(options) {}
  absl::Status Init();
  absl::Status HoldPorts();
  absl::Status Isolate();
  void FillHello();
  std::shared_ptr<Attempt> Find(const AttemptKey& key) const;
  std::vector<std::shared_ptr<Attempt>> Attempts() const;
  void AbandonOlder(const v1::AttemptRef& ref);
  void CountSlots();

  v1::AgentHello Hello() override;
  std::vector<std::string> Problems() override;
  bool Ending() override;
  void OnWelcome(const v1::AgentWelcome& welcome) override;
  void OnDisconnect() override;
  void OnStart(const v1::StartAttempt& start) override;
  void OnStop(const v1::StopAttempt& stop) override;
  void OnRendezvous(const v1::RendezvousReady& ready) override;
  void OnSignal(const v1::SignalAttempt& signal) override;
  void OnInput(const v1::AttemptInput& input) override;

  const AgentOptions options_;
  // Destroyed from the bottom up: what uses goes before what is used.
  std::unique_ptr<FolderLock> folder_lock_;
  std::vector<std::unique_ptr<HeldPort>> ports_;  // One a slot.
  std::unique_ptr<AgentMetrics> metrics_;
  std::unique_ptr<Membership> membership_;
  std::unique_ptr<HealthEndpoint> health_;
  std::unique_ptr<isolation::Isolation> isolation_;
  Outbox outbox_;
  NodeContext context_;
  v1::AgentHello hello_;  // Without what runs.
  mutable absl::Mutex mutex_;
  bool shutting_down_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<AttemptKey, std::shared_ptr<Attempt>> attempts_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<RankService> rank_service_;
  std::unique_ptr<grpc::Server> rank_server_;
  std::unique_ptr<Session> session_;
};

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_AGENT_H_
