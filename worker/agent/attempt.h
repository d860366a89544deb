// One attempt's part on this node, from its start to its final report.
#ifndef OCTET_WORKER_AGENT_ATTEMPT_H_
#define OCTET_WORKER_AGENT_ATTEMPT_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "octet/v1/agents.pb.h"
#include "octet/v1/ranks.pb.h"
#include "worker/agent/calls.h"
#include "worker/agent/gang.h"
#include "worker/agent/hang_watch.h"
#include "worker/agent/log_shipper.h"
#include "worker/agent/metrics.h"
#include "worker/agent/outbox.h"
#include "worker/agent/rank_command.h"
#include "worker/agent/uploader.h"
#include "worker/failure/node_watch.h"
#include "worker/isolation/isolation.h"

namespace octet::agent {

/// What the attempts of a node share; outlives them.
struct NodeContext {
  const isolation::Isolation* isolation = nullptr;
  RankHost host;
  std::string dir;             // The agent's folder.
  std::string advertise_host;  // Where other nodes reach rank 0.
  std::shared_ptr<grpc::Channel> scheduler;
  absl::Duration hang_after;  // See AgentOptions.
  Outbox* outbox = nullptr;
  AgentMetrics* metrics = nullptr;
};

/// Fetches inputs, starts the ranks, watches over them, stores their files and
/// logs, and reports what happened, in a thread of its own. The last report is
/// RanksEnded: after the ranks are gone and their files and logs are stored
/// (after a failure, files get only a short time). Thread-safe.
class Attempt {
 public:
  /// Starts at once. on_end: called in the attempt's thread once it has ended;
  /// must not destroy the attempt.
  Attempt(const NodeContext& node, v1::StartAttempt start, std::function<void()> on_end);
  /// Abandons it, if it has not ended.
  ~Attempt();
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  const v1::AttemptRef& ref() const { return start_.ref(); }
  /// What its ranks show that they are; see isolation::NewAttemptKey.
  bool HasKey(absl::string_view key) const;
  int slots() const { return start_.slot_indices_size(); }
  /// The last report is in the outbox.
  bool ended() const;

  /// Asks the ranks to save and leave; kills them after `grace`.
  void Stop(absl::Duration grace);
  /// Kills the ranks, and gives up files and logs that are not stored. Returns
  /// when the ranks are gone.
  void Abandon();
  /// A signal from the user, for every rank of a command here.
  void Signal(int signal);
  /// For the standard input of a command's rank 0; ignored by any other.
  void Input(const v1::AttemptInput& input);
  /// False: the time ran out first.
  bool WaitForRanks(absl::Duration timeout);
  bool WaitForEnd(absl::Duration timeout);

  /// Rank 0 of this node listens on `port`.
  absl::Status OpenRendezvous(int port);
  /// Rank 0 of another node listens on host:port.
  void SetRendezvous(const std::string& endpoint);
  /// Waits for rank 0's host:port. DEADLINE_EXCEEDED: not known by then.
  absl::StatusOr<std::string> GetRendezvous(absl::Time deadline);
  /// FAILED_PRECONDITION: the ranks have ended. INVALID_ARGUMENT: the rank is
  /// not one of this node, or the report is empty.
  absl::Status HandleReport(const v1::RankReport& report);

 private:
  void Run();
  bool is_command() const { return start_.stage() == "command"; }
  v1::RanksEnded RunRanks();
  v1::RanksEnded AwaitRanks();
  std::vector<RankOutcome> WatchRanks();
  void NameCauseIn(v1::RanksEnded& ended, const std::vector<RankOutcome>& outcomes) const;
  failure::NodeFacts NodeFacts() const;
  absl::Status Prepare();
  absl::Status WriteStartFile() const;
  absl::Status WriteKey();
  isolation::Tenant Tenant() const;
  std::vector<RankSight> Sights(const std::vector<pid_t>& pids) const;
  absl::Status StartRanks();
  v1::RanksEnded NotStarted(const absl::Status& status) const;
  void StoreFiles(v1::RanksEnded& ended);
  /// A report of this attempt that `fill` completes.
  void Report(const std::function<void(v1::AttemptReport&)>& fill);
  void ReportProgress(const v1::TrainProgress& progress);
  absl::Status CheckOpen() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  const NodeContext& node_;
  const v1::StartAttempt start_;
  const AttemptPaths paths_;
  const std::function<void()> on_end_;
  const failure::NodeWatch node_watch_;
  Cancellation fetch_;
  std::unique_ptr<isolation::Enclosure> enclosure_;  // The attempt's thread's own.
  LocalGang gang_;
  std::unique_ptr<LogShipper> logs_ ABSL_GUARDED_BY(mutex_);
  Uploader uploader_;

  mutable absl::Mutex mutex_;
  std::string key_ ABSL_GUARDED_BY(mutex_);  // Empty: none yet, or a command.
  std::string rendezvous_ ABSL_GUARDED_BY(mutex_);
  bool abandoned_ ABSL_GUARDED_BY(mutex_) = false;
  bool ranks_gone_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_ATTEMPT_H_
