// The scheduling core: state + event + now -> changes and ordered effects.
//
// Pure: no threads, I/O, protobuf or clock inside, and containers with a stable
// order, so that the server, a simulator and the tests can drive the same
// object; a copy of it is a what-if. Not thread-safe: the owner serializes
// calls.
//
// Invariants: a slot is held by at most one rank; an attempt starts on all of
// its gang or not at all; a job has at most one attempt that is not final, and
// the next starts only when every node of the last one has ended it or is lost;
// a job reaches one final state, once; nothing is taken from an older attempt.
#ifndef OCTET_SCHEDULER_CORE_CORE_H_
#define OCTET_SCHEDULER_CORE_CORE_H_

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "scheduler/core/cluster.h"
#include "scheduler/core/pending_queue.h"
#include "scheduler/core/placement.h"
#include "scheduler/core/policy.h"
#include "scheduler/core/teams.h"
#include "scheduler/core/types.h"

namespace octet::scheduler {

// --- Events -----------------------------------------------------------------

/// `count` jobs of one kind; more than one is an array.
struct JobSubmitted {
  std::string name, owner, spec;
  std::vector<Stage> stages;  // at least one
  int max_restarts = 3;
  std::string team = kDefaultTeam;
  int priority = 0;
  absl::Duration time_limit = absl::InfiniteDuration();
  std::vector<Dependency> after;
  bool held = false;
  int count = 1;
  int max_running = 0;  // of the array at once; 0: no limit
  /// What jobs of the array have of their own.
  struct Variant {
    std::string spec;
    std::vector<Stage> stages;
    EarlyStop early_stop;
  };
  std::vector<Variant> variants;  // `count` of them; empty: all are alike
};
struct CancelRequested {
  JobId job;
  std::string reason;
};
struct HoldRequested {
  JobId job;
  std::string reason;
};
struct ReleaseRequested {
  JobId job;
};
/// FAILED_PRECONDITION: the job does not run.
struct RequeueRequested {
  JobId job;
  std::string reason;
};

/// An attempt of which a node runs, or ran, a part.
struct AttemptRef {
  JobId job;
  int attempt;
};
/// An agent dialled. slots: free; the core knows who holds them. running: what
/// the agent still runs.
struct NodeConnected {
  std::string name, agent_instance, info;
  std::vector<Slot> slots;
  std::vector<AttemptRef> running;
  std::string switch_name;
  absl::Time end_of_life = absl::InfiniteFuture();
};
/// The agent's stream ended. It has heartbeat_timeout to come back.
struct NodeDisconnected {
  std::string name, agent_instance;
};
/// problems: why the agent holds its node unfit for new work. ending: it is, and
/// once it has gone and nothing runs on its node, the node is forgotten.
struct Heartbeat {
  std::string name;
  std::vector<std::string> problems;
  bool ending = false;
};
/// Nothing new starts on the node. evict: what runs there is stopped, saves,
/// and goes on elsewhere.
struct DrainRequested {
  std::string name, reason, by;
  absl::Time end_time = absl::InfiniteFuture();
  bool evict = false;
};
struct UndrainRequested {
  std::string name;
};
/// Time has passed: silent nodes are lost, limits are reached, waits are over.
struct Tick {
  /// The scheduler itself stood still until now and could hear nobody: every
  /// node is as good as heard.
  bool was_deaf = false;
};

/// What agents report of an attempt. FAILED_PRECONDITION when it is not the
/// job's live attempt or the node has no part in it.
struct PartStarted {
  AttemptRef ref;
  std::string node;
};
struct PartEnded {
  AttemptRef ref;
  std::string node;
  bool succeeded = false;          // every rank did
  std::optional<Failure> failure;  // the first one; none when the ranks were stopped
};
struct CheckpointSaved {
  AttemptRef ref;
  std::string node;
  Checkpoint checkpoint;
};
struct Resumed {
  AttemptRef ref;
  std::string node;
  int64_t step;
};
/// How long the attempt will still run, by its progress. Not stored.
struct RemainingMeasured {
  AttemptRef ref;
  std::string node;
  absl::Duration remaining;
};
/// How good a job is so far: the larger, the better. Counts for its early_stop.
struct FigureMeasured {
  AttemptRef ref;
  std::string node;
  double epochs = 0, figure = 0;
};
/// Something to keep with the job: results[key] = value.
struct ResultReported {
  AttemptRef ref;
  std::string node;
  std::string key, value;
};

using Event =
    std::variant<JobSubmitted, CancelRequested, HoldRequested, ReleaseRequested, RequeueRequested,
                 NodeConnected, NodeDisconnected, Heartbeat, DrainRequested, UndrainRequested, Tick,
                 PartStarted, PartEnded, CheckpointSaved, Resumed, RemainingMeasured,
                 FigureMeasured, ResultReported>;

// --- What comes of an event ---------------------------------------------------

/// Tell a node to start its part. Idempotent on the agent.
struct StartAttempt {
  std::string node;
  AttemptRef ref;
  std::string stage;
  int world_size;
  int first_rank;
  std::vector<int> slot_indices;
  std::vector<std::string> inputs;  // artifacts the stage reads, newest checkpoint first
  bool single_node;
};
/// Tell a node to end its part.
struct StopAttempt {
  std::string node;
  AttemptRef ref;
  absl::Duration grace;
  std::string reason;
};
using Effect = std::variant<StartAttempt, StopAttempt>;

/// A line of the cluster's history; type as octet.v1.Event says.
struct HistoryLine {
  absl::Time time;
  JobId job = kNoJob;
  int attempt = 0;
  std::string node, type, message;
};

/// Store `changed`, `changed_drains` and `history` in one transaction, then
/// carry out `effects` in order.
struct Transition {
  JobId created = kNoJob;  // by JobSubmitted: the first
  std::set<JobId> changed;
  std::set<std::string> changed_drains;  // nodes whose drain began or ended
  std::set<std::string> changed_nodes;   // for watchers and gauges; not stored
  std::vector<HistoryLine> history;
  std::vector<Effect> effects;
  bool passed = false;  // the queue was looked at
};

struct CoreOptions {
  absl::Duration heartbeat_timeout = absl::Seconds(10);
  absl::Duration stop_grace = absl::Seconds(30);        // for a stop that is no failure
  absl::Duration failure_grace = absl::ZeroDuration();  // for the peers of a failed rank

  std::vector<std::string> policies = DefaultPolicies();
  std::map<std::string, TeamConfig> teams;  // none: any name, without quota
  absl::Duration fair_share_half_life = absl::Hours(24);
  /// How many jobs of a lane are looked at when the first is kept from passing
  /// a reservation.
  int backfill_depth = 50;
  /// An attempt younger than this is not preempted.
  absl::Duration least_run_before_preemption = absl::Minutes(1);
  /// What a job that saves its state loses by being stopped.
  absl::Duration restart_cost = absl::Seconds(30);
  /// Between two resizes of a job.
  absl::Duration resize_interval = absl::Minutes(10);
  /// A node is left this long before its announced end, and gets no job that
  /// could not run for least_useful_run before that.
  absl::Duration leave_before_end = absl::Minutes(2);
  absl::Duration least_useful_run = absl::Minutes(5);
  /// A node that failed jobs of two owners or more, so many in quarantine_window,
  /// is quarantined.
  int quarantine_failures = 3;
  absl::Duration quarantine_window = absl::Hours(1);
  absl::Duration quarantine_time = absl::Minutes(15);

  /// Whether elastic jobs are shrunk and grown.
  bool resizes() const {
    return std::find(policies.begin(), policies.end(), "elastic") != policies.end();
  }
};

/// What a pending job could ask for instead.
struct OtherWishes {
  std::optional<int> slots, nodes, priority;
  std::optional<std::string> team;
  std::optional<absl::Duration> time_limit;
};

/// When a job will start.
struct StartEstimate {
  absl::Time time = absl::InfiniteFuture();
  std::string unknown;  // why it cannot be told
};

class Core {
 public:
  /// jobs, drains: as stored, in any order. Nodes with a part of a live attempt
  /// have heartbeat_timeout from `now` to come back before they are lost.
  /// options.policies: names that MakePolicies takes.
  Core(CoreOptions options, std::vector<Job> jobs, absl::Time now,
       std::map<std::string, Drain> drains = {});

  /// Whether to look at the queue after the event. kLater: the next event that
  /// says kNow does, so that many events cost one pass.
  enum class Pass { kNow, kLater };

  /// On an error nothing has changed. NOT_FOUND: no such job, node or team;
  /// FAILED_PRECONDITION: fenced, see PartStarted; ALREADY_EXISTS: another
  /// agent is connected under this node's name, and is heard; INVALID_ARGUMENT.
  absl::StatusOr<Transition> Apply(const Event& event, absl::Time now, Pass pass = Pass::kNow);

  /// Whether the core would take the submission: INVALID_ARGUMENT, NOT_FOUND.
  absl::Status Check(const JobSubmitted& event) const;

  /// Why no set of known nodes could ever hold the gang for the team, even
  /// empty ones; empty: some could, or that is still open: no node is known
  /// yet, or one that runs a part has not come back since the scheduler was
  /// started.
  std::string NeverCan(const Gang& gang, const std::string& team = kDefaultTeam) const;
  /// Why a pending job waits; the first is the one to show. Empty: it does not.
  std::vector<PendingReason> ReasonsOf(const Job& job) const;
  /// Pending jobs by the first of their reasons. In the queue, jobs that want the
  /// same have the same, except the first of them; so only two of each kind are
  /// looked at.
  std::map<PendingCode, int> PendingByCode() const;
  /// Its place among those that wait for the same resource, from 1; 0: it is
  /// not in the queue. Costs in proportion to the queue.
  int PositionOf(const Job& job, std::vector<JobId>* ahead = nullptr) const;

  const CoreOptions& options() const { return options_; }
  const std::map<JobId, Job>& jobs() const { return jobs_; }
  const std::map<std::string, Node>& nodes() const { return cluster_.nodes(); }
  const std::map<std::string, Drain>& drains() const { return drains_; }
  const Cluster& cluster() const { return cluster_; }
  const Teams& teams() const { return teams_; }
  const std::set<JobId>& running() const { return running_; }
  /// Jobs that are pending, in the queue or not yet.
  size_t pending() const { return pending_; }
  /// Running jobs by when they will have freed their slots, where it is known.
  const std::set<std::pair<absl::Time, JobId>>& ends() const { return ends_; }
  /// Jobs in the queue in the order in which they are looked at now.
  std::vector<JobId> queue() const;

 private:
  friend absl::StatusOr<Core> WhatIf(Core core, JobId id, const OtherWishes& wishes);

  absl::Status On(const JobSubmitted& event);
  absl::Status On(const CancelRequested& event);
  absl::Status On(const HoldRequested& event);
  absl::Status On(const ReleaseRequested& event);
  absl::Status On(const RequeueRequested& event);
  absl::Status On(const NodeConnected& event);
  absl::Status On(const NodeDisconnected& event);
  absl::Status On(const Heartbeat& event);
  absl::Status On(const DrainRequested& event);
  absl::Status On(const UndrainRequested& event);
  absl::Status On(const Tick& event);
  absl::Status On(const PartStarted& event);
  absl::Status On(const PartEnded& event);
  absl::Status On(const CheckpointSaved& event);
  absl::Status On(const Resumed& event);
  absl::Status On(const RemainingMeasured& event);
  absl::Status On(const FigureMeasured& event);
  absl::Status On(const ResultReported& event);

  // core.cc: the life of a job.
  struct LivePart {
    Job* job;
    Attempt* attempt;
    Part* part;
  };
  absl::StatusOr<Job*> FindJob(JobId id);
  std::string WhyEndEarly(const Job& job) const;
  absl::StatusOr<LivePart> FindLive(const AttemptRef& ref, const std::string& node);
  Job& AddJob(const JobSubmitted& event, JobId array, int index);
  void StartAttemptOf(Job& job, const std::string& resource, std::vector<NodeShare> shares);
  void TellToStart(const Job& job, const Part& part);
  void Stop(Job& job, StopCause cause, const std::string& reason);
  void TellToStop(const Job& job, const Part& part);
  void EndPart(Job& job, Part& part, bool succeeded, std::optional<Failure> failure);
  void EndAttempt(Job& job);
  void AfterStop(Job& job);
  void AfterFailure(Job& job);
  void Wait(Job& job);
  void Finish(Job& job, JobState state, const std::string& reason);
  void SettleDependents(JobId ended);
  bool DependencyMet(const Dependency& dependency) const;
  const Dependency* HopelessDependency(const Job& job) const;
  void NoteEnd(const Job& job);
  void ForgetRunning(const Job& job);
  void Restore(Job job);
  QueueKey KeyOf(const Job& job) const;
  void Log(const Job* job, const std::string& node, const std::string& type, std::string message);

  // core_nodes.cc: nodes.
  void StopUnwanted(const NodeConnected& event);
  void ReconcilePart(Job& job, Part& part, const NodeConnected& event, bool runs);
  void LoseNode(const std::string& name);
  void ForgetIfGone(const std::string& name);
  void LoseSilentNodes();
  void LeaveEndingNodes();
  void EndDrains();
  void EvictAll(const std::string& node, const std::string& reason);
  void SetDrain(const std::string& node, Drain drain);
  void Blame(const Job& job, const Failure& failure);

  // core_schedule.cc: the pass over the queue.
  struct Group;
  struct PassState;
  State state() const;
  std::vector<Group> Groups() const;
  bool Before(const Group& a, const Group& b) const;
  void Rank(Group& group) const;
  void Schedule();
  void KeepFreed(PassState& pass) const;
  bool TryFirst(Group& group, PassState& pass);
  bool TryStart(const Wish& wish, PassState& pass);
  void Block(const Wish& wish, Group& group, PassState& pass);
  bool MakeRoom(const Wish& wish, const std::vector<Reservation>& reservations);
  void Evict(const std::vector<Eviction>& evictions);
  void GrowIdle();
  int Allowed(const Node& node, int free, const Job& job,
              const std::vector<Reservation>& reservations) const;
  std::optional<PendingReason> Refusal(const Wish& wish) const;
  PendingReason WhyNoSlots(const Wish& wish) const;
  std::optional<Wish> WishOf(const Job& job) const;

  CoreOptions options_;
  PolicySet policies_;
  std::map<JobId, Job> jobs_;
  Cluster cluster_;
  Teams teams_;
  std::map<std::string, Drain> drains_;
  JobId next_id_ = 1;

  PendingQueue queue_;
  size_t pending_ = 0;
  std::set<JobId> running_, stopping_, elastic_;  // stopping, elastic: of those that run
  std::set<std::pair<absl::Time, JobId>> ends_, deadlines_, sleepers_;
  std::map<JobId, absl::Time> end_of_;           // keys of ends_
  std::map<JobId, std::set<JobId>> dependents_;  // by the job that is waited for
  std::map<JobId, int> array_running_;

  struct Fault {
    absl::Time time;
    std::string owner;
    JobId job;
  };
  std::map<std::string, std::vector<Fault>> faults_;  // by node, lately

  std::map<std::string, std::vector<Reservation>> reservations_;  // by resource
  std::map<JobId, absl::Time> room_tried_;

  // Of the Apply that runs now.
  absl::Time now_;
  Transition transition_;
  bool dirty_ = false;  // the queue is to be looked at
};

/// The core, a copy of the real one, as it would be if the pending job asked for
/// something else. INVALID_ARGUMENT, NOT_FOUND: as of a submission;
/// FAILED_PRECONDITION: the job does not wait.
absl::StatusOr<Core> WhatIf(Core core, JobId id, const OtherWishes& wishes);

/// Lets the running jobs end when they are expected to, in a copy of the core,
/// until the job starts. Stages that have not begun count as nothing, so that
/// this is the earliest time rather than the likeliest.
StartEstimate EstimateStart(Core core, JobId id, absl::Time now);

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_CORE_CORE_H_
