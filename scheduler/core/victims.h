// Whom to stop so that a job can start.
#ifndef OCTET_SCHEDULER_CORE_VICTIMS_H_
#define OCTET_SCHEDULER_CORE_VICTIMS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "scheduler/core/policy.h"

namespace octet::scheduler {

struct Victim {
  const Job* job = nullptr;  // that runs
  int shrink_to = 0;         // 0: all of its slots
  double lost = 0;           // slot-seconds of work that will be done again
};

int FreedBy(const Victim& victim);

/// What stopping the job costs: one that saves loses its start-up, another all
/// that it has done. An elastic job shrinks to its least size.
Victim PriceOf(const State& state, const Job& job);

/// Leaves every team its quota while jobs are taken from it for another's wish.
class QuotaGuard {
 public:
  /// Both must outlive it.
  QuotaGuard(const State& state, const Wish& wish) : state_(state), wish_(wish) {}

  /// Whether the victim may be added to those taken so far; then it is.
  bool MayTake(const Victim& victim);

 private:
  const State& state_;
  const Wish& wish_;
  std::map<std::string, int> taken_;  // slots, by team
};

/// Whom to stop so that the wish can start, together with what stops already:
/// of the candidates, in their order, those that make room; none where all of
/// them do not. Whoever turns out not to be needed stays, the dearest first.
/// candidates: not called where nobody need be stopped. may_take: whether the
/// victim may be added to those taken so far. why: what follows "preempted for
/// job j1" in the reason that the victim is given.
std::vector<Eviction> MakeRoomBy(absl::FunctionRef<std::vector<Victim>()> candidates,
                                 absl::FunctionRef<bool(const Victim&)> may_take,
                                 absl::FunctionRef<std::string(const Victim&)> why,
                                 const State& state, const Wish& wish,
                                 const std::vector<Reservation>& others);

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_CORE_VICTIMS_H_
