#include "scheduler/core/victims.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "scheduler/core/core.h"
#include "scheduler/core/placement.h"
#include "scheduler/core/room.h"

namespace octet::scheduler {
namespace {

// A shrunk job keeps slots on the nodes it has most on, by and large; what it
// frees is counted where its last ranks are.
void Take(Room& room, const Victim& victim, int sign) {
  int left = FreedBy(victim);
  const std::vector<Part>& parts = victim.job->live()->parts;
  for (auto part = parts.rbegin(); part != parts.rend() && left > 0; ++part) {
    if (part->state == Part::State::kEnded) continue;
    const int slots = std::min(left, static_cast<int>(part->slot_indices.size()));
    room.Add(part->node, sign * slots);
    left -= slots;
  }
}

// Of the candidates those that make room.
std::vector<Victim> Choose(const std::vector<Victim>& candidates, Room& room,
                           absl::FunctionRef<bool(const Victim&)> may_take) {
  std::vector<Victim> chosen;
  for (const Victim& victim : candidates) {
    if (room.Fits()) break;
    if (!may_take(victim)) continue;
    Take(room, victim, 1);
    chosen.push_back(victim);
  }
  if (!room.Fits()) return {};
  std::stable_sort(chosen.begin(), chosen.end(),
                   [](const Victim& a, const Victim& b) { return a.lost > b.lost; });
  std::erase_if(chosen, [&](const Victim& victim) {
    Take(room, victim, -1);
    if (room.Fits()) return true;
    Take(room, victim, 1);
    return false;
  });
  return chosen;
}

}  // namespace

int FreedBy(const Victim& victim) { return victim.job->live()->slots() - victim.shrink_to; }

Victim PriceOf(const State& state, const Job& job) {
  const Attempt& live = *job.live();
  Victim victim{.job = &job};
  const Gang& gang = job.current_stage().gang;
  if (gang.elastic() && state.options.resizes())
    for (const int size : SizesOf(gang, live.slots() - 1)) victim.shrink_to = size;
  const absl::Duration lost =
      job.current_stage().saves ? state.options.restart_cost : state.now - live.start_time;
  victim.lost = live.slots() * absl::ToDoubleSeconds(lost);
  return victim;
}

bool QuotaGuard::MayTake(const Victim& victim) {
  if (victim.job->team == wish_.job.team) return true;
  const Team& team = state_.teams.Get(victim.job->team);
  int& so_far = taken_[victim.job->team];
  if (team.Used(wish_.resource) - so_far - FreedBy(victim) < team.Quota(wish_.resource))
    return false;
  so_far += FreedBy(victim);
  return true;
}

std::vector<Eviction> MakeRoomBy(absl::FunctionRef<std::vector<Victim>()> candidates,
                                 absl::FunctionRef<bool(const Victim&)> may_take,
                                 absl::FunctionRef<std::string(const Victim&)> why,
                                 const State& state, const Wish& wish,
                                 const std::vector<Reservation>& others) {
  Room room(state, wish, others);
  for (const Job* job : Stopping(state)) room.AddAllOf(*job);
  if (room.Fits()) return {};
  std::vector<Eviction> evictions;
  for (const Victim& victim : Choose(candidates(), room, may_take)) {
    const bool shrinks = victim.shrink_to > 0;
    const std::string what =
        shrinks ? absl::StrCat("shrunk to ", victim.shrink_to, " slots") : "preempted";
    evictions.push_back({.job = victim.job->id,
                         .cause = shrinks ? StopCause::kResize : StopCause::kPreempt,
                         .most_slots = victim.shrink_to,
                         .reason = absl::StrCat(what, " for job j", wish.job.id, why(victim))});
  }
  return evictions;
}

}  // namespace octet::scheduler
