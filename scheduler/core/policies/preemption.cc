// Stops running jobs for a job that must wait: jobs of its own team with a
// lower priority, and, where its team asks for its quota, jobs of teams that
// have borrowed. Both relations have no circles (a team that takes its own back
// ends within its quota, one that is taken from does not fall below its own),
// so that two jobs never stop each other in turn. An elastic job shrinks before
// one is evicted. Of what is eligible, those go that lose the least work.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "scheduler/core/core.h"
#include "scheduler/core/policy.h"
#include "scheduler/core/victims.h"

namespace octet::scheduler {
namespace {

class Preemption final : public Policy {
 public:
  std::vector<Eviction> MakeRoom(const State& state, const Wish& wish,
                                 const std::vector<Reservation>& others) const override {
    QuotaGuard quotas(state, wish);
    return MakeRoomBy([&] { return Eligible(state, wish); },
                      [&](const Victim& victim) { return quotas.MayTake(victim); },
                      [&](const Victim& victim) { return Why(wish, *victim.job); }, state, wish,
                      others);
  }

 private:
  static std::string Why(const Wish& wish, const Job& victim) {
    return absl::StrCat(" of team ", wish.job.team,
                        wish.job.team == victim.team
                            ? absl::StrCat(", priority ", wish.job.priority)
                            : std::string(", which takes its quota back"));
  }

  static std::vector<Victim> Eligible(const State& state, const Wish& wish) {
    std::vector<Victim> victims;
    if (!AnyEligible(state, wish)) return victims;
    for (const JobId id : state.running) {
      const Job& job = state.jobs.at(id);
      const Attempt* live = job.live();
      if (live == nullptr || live->state == AttemptState::kStopping ||
          live->resource != wish.resource ||
          state.now - live->start_time < state.options.least_run_before_preemption)
        continue;
      if (ByPriority(wish, job) || ByQuota(state, wish, job))
        victims.push_back(PriceOf(state, job));
    }
    std::stable_sort(victims.begin(), victims.end(), [](const Victim& a, const Victim& b) {
      return a.lost * FreedBy(b) < b.lost * FreedBy(a);
    });
    return victims;
  }

  // Saves a look at every running job where no team could give.
  static bool AnyEligible(const State& state, const Wish& wish) {
    const auto& by_priority = state.teams.Get(wish.job.team).running_by_priority;
    if (!by_priority.empty() && by_priority.begin()->first < wish.job.priority) return true;
    if (!WithinQuota(state, wish)) return false;
    return std::any_of(state.teams.all().begin(), state.teams.all().end(), [&](const auto& team) {
      return team.second.Used(wish.resource) > team.second.Quota(wish.resource);
    });
  }

  static bool ByPriority(const Wish& wish, const Job& job) {
    return job.team == wish.job.team && job.priority < wish.job.priority;
  }

  static bool WithinQuota(const State& state, const Wish& wish) {
    const Team& team = state.teams.Get(wish.job.team);
    return team.Used(wish.resource) + wish.least() <= team.Quota(wish.resource);
  }

  static bool ByQuota(const State& state, const Wish& wish, const Job& job) {
    if (job.team == wish.job.team || !WithinQuota(state, wish)) return false;
    const Team& team = state.teams.Get(job.team);
    return team.Used(wish.resource) > team.Quota(wish.resource);
  }
};

}  // namespace

std::shared_ptr<const Policy> NewPreemption() { return std::make_shared<Preemption>(); }

}  // namespace octet::scheduler
