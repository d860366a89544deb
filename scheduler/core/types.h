// What the scheduling core knows: plain values, easy to store and to compare.
#ifndef OCTET_SCHEDULER_CORE_TYPES_H_
#define OCTET_SCHEDULER_CORE_TYPES_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace octet::scheduler {

/// Counts from 1 in order of submission; people see it as "j42".
using JobId = int64_t;
inline constexpr JobId kNoJob = 0;

inline constexpr char kDefaultTeam[] = "default";

enum class JobState { kPending, kRunning, kSucceeded, kFailed, kCancelled };
inline bool IsFinal(JobState state) {
  return state != JobState::kPending && state != JobState::kRunning;
}

enum class AttemptState { kStarting, kRunning, kStopping, kSucceeded, kFailed, kCancelled };
inline bool IsFinal(AttemptState state) {
  return state == AttemptState::kSucceeded || state == AttemptState::kFailed ||
         state == AttemptState::kCancelled;
}

/// As octet.v1.FailureClass.
enum class FailureClass {
  kUnspecified,
  kJob,
  kRankLost,
  kNodeLost,
  kAccuracy,
  kInfrastructure,
  kOutOfMemory,
  kHungRank,
  kTimeLimit,
  kBadData,
};

/// As octet.v1.Failure.
struct Failure {
  FailureClass failure_class = FailureClass::kUnspecified;
  std::string message;
  int rank = -1;
  std::string node;
  int exit_code = 0;
  int signal = 0;
  std::vector<std::string> stderr_tail;
  bool secondary = false;
  std::string cause;
};

/// Slots that start together or not at all.
struct Gang {
  int slots = 1;         // > 0
  int nodes = 0;         // exactly so many, slots / nodes on each; 0: as few as will do
  std::string resource;  // "gpu", "tpu", "cpu"; empty: gpu where the cluster has any
  int min_slots = 0;     // elastic: any size from here to `slots`; 0: not elastic
  int divides = 0;       // sizes of an elastic gang divide this; 0: any

  bool elastic() const { return min_slots > 0 && min_slots < slots; }
};

/// A part of a job that runs as one gang, such as "train".
struct Stage {
  std::string name;
  Gang gang;
  bool saves = false;  // stopped, it saves its state and goes on from there
};

/// One node's part of an attempt: ranks first_rank, first_rank + 1, ... on
/// slots slot_indices, in that order.
struct Part {
  enum class State { kTold, kStarted, kEnded };

  std::string node;
  std::string agent_instance;  // of the agent that was told
  int first_rank = 0;
  std::vector<int> slot_indices;
  std::vector<std::string> endpoints;  // of the slots, as their agent offered them
  State state = State::kTold;
  bool succeeded = false;  // when kEnded
};

/// Why the scheduler stops an attempt.
enum class StopCause {
  kNone,
  kCancel,     // somebody wants the job to end
  kFailure,    // a part of it has failed
  kTimeLimit,  // it ran for as long as it may
  kPreempt,    // for another job's sake
  kResize,     // to go on with more or fewer slots
  kRequeue,    // somebody wants it back in the queue
  kDrain,      // a node of it goes out of use
};

/// One start of a stage; `number` is the fencing number.
struct Attempt {
  int number = 1;
  std::string stage;
  AttemptState state = AttemptState::kStarting;
  absl::Time start_time, end_time = absl::InfiniteFuture();
  std::vector<Part> parts;
  std::optional<Failure> failure;  // the primary one
  int64_t resumed_step = 0;
  StopCause stop_cause = StopCause::kNone;
  std::string stop_reason;
  std::string resource;  // of its slots

  int slots() const {
    int slots = 0;
    for (const Part& part : parts) slots += static_cast<int>(part.slot_indices.size());
    return slots;
  }
  bool AllPartsAre(Part::State state) const {
    return std::all_of(parts.begin(), parts.end(),
                       [&](const Part& part) { return part.state == state; });
  }
};

struct Checkpoint {
  std::string artifact;
  int64_t step = 0;
};

/// A job that must have ended before another starts.
struct Dependency {
  enum class Condition { kSucceeded, kFailed, kEnded };

  JobId job = kNoJob;
  Condition condition = Condition::kSucceeded;
};

/// Asynchronous successive halving (Li et al., 2020), in its stopping form: a
/// job that reaches a rung goes on when its figure is among the best
/// 1 / reduction of its array's that reached the rung so far.
struct EarlyStop {
  std::vector<double> rungs;  // in epochs, rising; empty: nothing ends early
  int reduction = 3;          // at least 2
};

struct Job {
  JobId id = kNoJob;
  std::string name, owner, team = kDefaultTeam;
  std::string spec;  // opaque to the core
  std::vector<Stage> stages;
  int max_restarts = 3;                                  // for each stage
  int priority = 0;                                      // higher first
  absl::Duration time_limit = absl::InfiniteDuration();  // of an attempt
  std::vector<Dependency> after;
  JobId array = kNoJob;  // the first job of its array
  int array_index = 0;
  int array_max_running = 0;  // 0: no limit
  EarlyStop early_stop;       // among its array

  JobState state = JobState::kPending;
  size_t stage = 0;  // index of the one that runs, waits or ended the job
  int restarts = 0;  // of this stage, after failures that count
  int preemptions = 0;
  bool cancel_requested = false;
  bool held = false;
  std::string reason;  // why it ended, or why it is held
  std::optional<Failure> failure;
  absl::Time create_time, start_time = absl::InfiniteFuture(), end_time = absl::InfiniteFuture();
  absl::Time not_before = absl::InfinitePast();  // after a failure it may have to wait
  int most_slots = 0;  // what an elastic gang was shrunk to; 0: not shrunk
  std::vector<Attempt> attempts;
  std::vector<double> rungs;                   // its figure at each rung it reached
  std::vector<Checkpoint> checkpoints;         // newest first, at most kKeptCheckpoints
  std::map<std::string, std::string> results;  // opaque to the core, by key

  // Not stored: known again soon after a restart of the scheduler.
  absl::Time saved_time = absl::InfinitePast();      // when the newest checkpoint came
  absl::Time measured_end = absl::InfiniteFuture();  // of the stage, by its progress

  const Stage& current_stage() const { return stages[stage]; }
  /// The attempt that runs; null: none.
  Attempt* live() {
    return attempts.empty() || IsFinal(attempts.back().state) ? nullptr : &attempts.back();
  }
  const Attempt* live() const { return const_cast<Job*>(this)->live(); }
  /// When its live attempt will have freed its slots, by what is measured and
  /// its limit at the latest; infinite: nobody knows.
  absl::Time expected_end() const;
};
inline constexpr size_t kKeptCheckpoints = 2;

struct Slot {
  int index = 0;
  std::string resource;
  JobId job = kNoJob;  // whose rank holds it
  int rank = -1;
  std::string endpoint;  // host:port kept free for the rank; opaque to the core
};

/// Why a node takes no new work.
struct Drain {
  std::string reason, by;  // by kQuarantiner: a quarantine
  absl::Time start_time, end_time = absl::InfiniteFuture();
};
inline constexpr char kQuarantiner[] = "octet";

struct Node {
  enum class State { kReady, kLost };

  std::string name;
  State state = State::kReady;
  bool connected = false;  // has a stream now
  std::string agent_instance;
  absl::Time heard;
  std::vector<Slot> slots;
  std::string info;         // opaque to the core: labels, models, addresses
  std::string switch_name;  // where it hangs in the network; empty: unknown
  absl::Time end_of_life = absl::InfiniteFuture();
  std::optional<Drain> drain;
  std::vector<std::string> problems;  // its agent's, that keep it from new work
  bool ending = false;                // its agent said so

  std::set<JobId> jobs;  // that have a live part here

  /// New work may start here.
  bool usable() const {
    return state == State::kReady && connected && !drain.has_value() && problems.empty();
  }
};

/// Those who share a quota.
struct TeamConfig {
  double weight = 1;
  std::map<std::string, int> quota;  // by resource: slots that are its own when it wants them
  std::map<std::string, int> limit;  // the most it may use at once; not there: no limit
};

/// As octet.v1.PendingCode.
enum class PendingCode {
  kUnspecified,
  kSlots,
  kBehind,
  kQuota,
  kDependency,
  kHeld,
  kNodes,
  kArray,
  kBackoff,
  kPreempting,
  kNever,
};

/// As octet.v1.PendingReason.
struct PendingReason {
  PendingCode code = PendingCode::kUnspecified;
  std::string message;
  std::string resource;
  int slots_needed = 0, slots_free = 0;
  std::string team;
  JobId job = kNoJob;
  std::vector<std::string> nodes;
};

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_CORE_TYPES_H_
