// Most jobs of a training cluster are short, and most of its work is in a few
// that run for days. A job goes first until it has had its first slot-hours or
// its progress says that it will want more than those, and jobs that do want
// more are stopped for it: those with the most work left, so that few jobs are
// stopped, and only those that save their state and lose next to nothing. Among
// themselves long jobs go by what is left to do, and by age, so that none
// starves.
//
// Two classes as in Tiresias (Gu et al., NSDI 2019), where a continuous order
// would have jobs take turns: a job that was stopped is long, and nobody is
// stopped for a long one. Teams keep what is theirs: none falls below its quota
// for another's short jobs, and within a team no higher priority is stopped for
// a lower one.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "scheduler/core/core.h"
#include "scheduler/core/policy.h"
#include "scheduler/core/victims.h"

namespace octet::scheduler {
namespace {

constexpr double kShort = 8 * 3600;  // slot-seconds: an hour of 8 slots
// A long job lets those pass that have less left, if they came no later than
// this many times the difference.
constexpr double kPatience = 2;
// What ends sooner than that is not worth stopping.
constexpr double kNearEnd = 600;
// For this long a job that was stopped leaves that share of the slots free, so
// that the next short ones find room, and it is not stopped again at once.
constexpr absl::Duration kPause = absl::Hours(1);
constexpr double kHeadroom = 0.01;
// What is left of a job that tells nothing, and has not run: little enough
// that it is tried.
constexpr double kUntried = 600;

struct Progress {
  double ran_s = 0;
  double had = 0;     // slot-seconds
  double left_s = 0;  // expected
  bool measured = false;
};

// Of the job's stage. now: for one that waits, any time since it was stopped.
Progress ProgressOf(const Job& job, absl::Time now) {
  Progress progress;
  absl::Time last = now;
  for (const Attempt& attempt : job.attempts) {
    if (attempt.stage != job.current_stage().name) continue;
    last = std::min(attempt.end_time, now);
    const double ran_s = absl::ToDoubleSeconds(last - attempt.start_time);
    progress.ran_s += ran_s;
    progress.had += ran_s * attempt.slots();
  }
  progress.measured = progress.ran_s > 0 && job.measured_end != absl::InfiniteFuture();
  if (progress.measured) {
    progress.left_s = std::max(0.0, absl::ToDoubleSeconds(job.measured_end - last));
  } else {
    // What has run for long will run for long.
    const double limit_s = absl::ToDoubleSeconds(job.time_limit);
    progress.left_s = std::min(std::max(progress.ran_s, kUntried), limit_s);
  }
  return progress;
}

bool IsShort(const Job& job, const Progress& progress) {
  const double left = progress.measured ? progress.left_s * job.current_stage().gang.slots : 0;
  return progress.had + left < kShort;
}

class ShortestFirst final : public Policy {
 public:
  double JobRank(const Job& job) const override {
    const Progress progress =
        ProgressOf(job, job.attempts.empty() ? job.create_time : job.attempts.back().end_time);
    if (IsShort(job, progress)) return 0;
    const double came_s = absl::ToDoubleSeconds(job.create_time - absl::UnixEpoch());
    return 1 + came_s + kPatience * progress.left_s;
  }

  std::optional<PendingReason> Refuse(const State& state, const Wish& wish) const override {
    if (wish.job.attempts.empty()) return std::nullopt;
    const Attempt& last = wish.job.attempts.back();
    if (last.stop_cause != StopCause::kPreempt || state.now - last.end_time >= kPause ||
        IsShort(wish.job, ProgressOf(wish.job, state.now)))
      return std::nullopt;
    const Pool& pool = state.cluster.pool(wish.resource);
    const int headroom = static_cast<int>(kHeadroom * pool.usable);
    const int free = pool.free.total();
    // One that takes nearly the whole cluster could never leave so much.
    if (free - wish.least() >= headroom || wish.least() > pool.usable - headroom)
      return std::nullopt;
    return PendingReason{
        .code = PendingCode::kBackoff,
        .message = absl::StrCat("it was preempted, and until ",
                                absl::FormatTime(last.end_time + kPause, absl::UTCTimeZone()),
                                " leaves ", headroom, " ", wish.resource, " slots to short jobs"),
        .resource = wish.resource,
        .slots_needed = wish.least(),
        .slots_free = free};
  }

  std::vector<Eviction> MakeRoom(const State& state, const Wish& wish,
                                 const std::vector<Reservation>& others) const override {
    if (!IsShort(wish.job, ProgressOf(wish.job, state.now))) return {};
    QuotaGuard quotas(state, wish);
    return MakeRoomBy([&] { return Eligible(state, wish); },
                      [&](const Victim& victim) { return quotas.MayTake(victim); },
                      [](const Victim&) { return ", which is short or new"; }, state, wish, others);
  }

 private:
  // Long jobs, those with the most work left first. Slots count by their root: to
  // stop a wide gang is to stop one job for many, but much of what it held is
  // idle until it can start again.
  static std::vector<Victim> Eligible(const State& state, const Wish& wish) {
    std::vector<std::pair<double, const Job*>> long_jobs;
    for (const JobId id : state.running) {
      const Job& job = state.jobs.at(id);
      const Attempt& live = *job.live();
      if (live.state == AttemptState::kStopping || live.resource != wish.resource ||
          !job.current_stage().saves || GoesBefore(job, wish.job) ||
          state.now - live.start_time < state.options.least_run_before_preemption)
        continue;
      const Progress progress = ProgressOf(job, state.now);
      if (!IsShort(job, progress) && progress.left_s >= kNearEnd)
        long_jobs.emplace_back(progress.left_s * std::sqrt(live.slots()), &job);
    }
    std::stable_sort(long_jobs.begin(), long_jobs.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<Victim> victims;
    for (const auto& [left, job] : long_jobs) victims.push_back(PriceOf(state, *job));
    return victims;
  }

  static bool GoesBefore(const Job& job, const Job& other) {
    return job.team == other.team && job.priority > other.priority;
  }
};

}  // namespace

std::shared_ptr<const Policy> NewShortestFirst() { return std::make_shared<ShortestFirst>(); }

}  // namespace octet::scheduler
