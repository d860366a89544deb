// The job that has had the fewest slot-seconds goes first, as Tiresias (Gu et
// al., NSDI 2019) orders deep-learning jobs whose length nobody knows: a job
// begins in the first of two queues, falls into the second once it has had its
// share, and is then stopped for those in the first. Only jobs that save their
// state are; two queues instead of a continuous order keep jobs from taking
// turns.
#include <algorithm>

#include "scheduler/core/core.h"
#include "scheduler/core/policy.h"
#include "scheduler/core/victims.h"

namespace octet::scheduler {
namespace {

// Slot-seconds between the first queue and the second: an hour of 8 slots.
constexpr double kFirstQueue = 8 * 3600;

double Service(const Job& job, absl::Time now) {
  double service = 0;
  for (const Attempt& attempt : job.attempts)
    service += attempt.slots() *
               absl::ToDoubleSeconds(std::min(attempt.end_time, now) - attempt.start_time);
  return service;
}

class LeastAttainedService final : public Policy {
 public:
  double JobRank(const Job& job) const override {
    return Service(job, job.attempts.empty() ? job.create_time : job.attempts.back().end_time) <
                   kFirstQueue
               ? 0
               : 1;
  }

  std::vector<Eviction> MakeRoom(const State& state, const Wish& wish,
                                 const std::vector<Reservation>& others) const override {
    if (JobRank(wish.job) != 0) return {};
    return MakeRoomBy([&] { return Eligible(state, wish); }, [](const Victim&) { return true; },
                      [](const Victim&) { return ", which has had less of the cluster"; }, state,
                      wish, others);
  }

 private:
  // Those of the second queue, whoever has had most first.
  static std::vector<Victim> Eligible(const State& state, const Wish& wish) {
    std::vector<std::pair<double, const Job*>> had;
    for (const JobId id : state.running) {
      const Job& job = state.jobs.at(id);
      const Attempt& live = *job.live();
      if (live.state == AttemptState::kStopping || live.resource != wish.resource ||
          !job.current_stage().saves ||
          state.now - live.start_time < state.options.least_run_before_preemption)
        continue;
      const double service = Service(job, state.now);
      if (service >= kFirstQueue) had.emplace_back(service, &job);
    }
    std::stable_sort(had.begin(), had.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<Victim> victims;
    for (const auto& [service, job] : had) {
      victims.push_back(PriceOf(state, *job));
      victims.back().shrink_to = 0;
    }
    return victims;
  }
};

}  // namespace

std::shared_ptr<const Policy> NewLeastAttainedService() {
  return std::make_shared<LeastAttainedService>();
}

}  // namespace octet::scheduler
