// What a scheduling policy may decide. Each policy is one file in policies/;
// a set of them, in order, makes a scheduler.
#ifndef OCTET_SCHEDULER_CORE_POLICY_H_
#define OCTET_SCHEDULER_CORE_POLICY_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "scheduler/core/cluster.h"
#include "scheduler/core/pending_queue.h"
#include "scheduler/core/teams.h"
#include "scheduler/core/types.h"

namespace octet::scheduler {

struct CoreOptions;  // core.h

/// Slots that are kept for a job. What ends by `time` may use them meanwhile.
struct Reservation {
  JobId job = kNoJob;
  absl::Time made;
  absl::Time time;                   // when it will start; infinite: nobody knows
  std::map<std::string, int> slots;  // by node, that it will start on
  std::set<JobId> waits_for;         // running jobs that hold some of them
  bool freed = false;                // others are stopped so that they become free
};

/// What policies see: the core's state. Valid during one call.
struct State {
  const CoreOptions& options;
  const std::map<JobId, Job>& jobs;
  const Cluster& cluster;
  const Teams& teams;
  const std::set<JobId>& running;
  const std::set<JobId>& stopping;  // of those that run
  const std::set<JobId>& elastic;   // of those that run
  /// Running jobs by when their slots will be free, those of which it is known.
  const std::set<std::pair<absl::Time, JobId>>& ends;
  absl::Time now;
};

/// A pending job that is looked at.
struct Wish {
  const Job& job;
  std::string resource;
  std::vector<int> sizes;  // of its gang, the largest first, not empty

  const Gang& gang() const { return job.current_stage().gang; }
  int least() const { return sizes.back(); }
};

/// A running job that is stopped so that another can start, or so that it can
/// go on with another number of slots.
struct Eviction {
  JobId job = kNoJob;
  StopCause cause = StopCause::kPreempt;
  int most_slots = 0;  // when it starts again; 0: as many as it wants
  std::string reason;
};

/// Stateless: everything is in State. Whatever a policy does not override has
/// no opinion.
class Policy {
 public:
  virtual ~Policy() = default;

  /// Which of two teams goes first, the smaller; the policies of a set are
  /// asked in turn until one tells them apart.
  virtual double TeamRank(const State&, const std::string& team,
                          const std::string& resource) const {
    (void)team, (void)resource;
    return 0;
  }
  /// The same for two jobs of one team. Constant while a job waits.
  virtual double JobRank(const Job&) const { return 0; }
  /// Why the job may not start now, whatever is free. Asked of the first of the
  /// jobs of a team that want the same; its answer is taken for all of them.
  virtual std::optional<PendingReason> Refuse(const State&, const Wish&) const {
    return std::nullopt;
  }
  /// Called for the first job of a resource that cannot be placed: what is kept
  /// for it while others pass. Where no policy reserves, none passes.
  virtual std::optional<Reservation> Reserve(const State&, const Wish&,
                                             const std::vector<Reservation>& others) const {
    (void)others;
    return std::nullopt;
  }
  /// Called for the first job of a team that cannot be placed: whom to stop.
  /// Jobs that are being stopped already count as gone.
  virtual std::vector<Eviction> MakeRoom(const State&, const Wish&,
                                         const std::vector<Reservation>& others) const {
    (void)others;
    return {};
  }
  /// Called when no job waits for the resource: who could use what is idle.
  virtual std::vector<Eviction> Grow(const State&, const std::string& resource) const {
    (void)resource;
    return {};
  }
};

/// In the order in which they are asked. Shared by copies of a core.
using PolicySet = std::vector<std::shared_ptr<const Policy>>;

/// Makes a set from names, such as {"quota", "fair_share", "backfill"};
/// first come, first served is what is
/// left when none tells two jobs apart. INVALID_ARGUMENT: names the policies
/// that there are.
absl::StatusOr<PolicySet> MakePolicies(const std::vector<std::string>& names);
/// What a scheduler uses unless told otherwise.
std::vector<std::string> DefaultPolicies();

// One file each in policies/.
std::shared_ptr<const Policy> NewQuota();                 // quotas, borrowing, limits
std::shared_ptr<const Policy> NewFairShare();             // less used goes first, with decay
std::shared_ptr<const Policy> NewPriority();              // higher goes first
std::shared_ptr<const Policy> NewLeastAttainedService();  // who got least goes first
std::shared_ptr<const Policy> NewShortestFirst();         // what will end soon goes first
std::shared_ptr<const Policy> NewBackfill();              // EASY
std::shared_ptr<const Policy> NewPreemption();            // by priority, and of borrowed slots
std::shared_ptr<const Policy> NewElastic();               // grow into what is idle

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_CORE_POLICY_H_
