// The pass over the queue: who starts where, who is stopped for whom.
#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "scheduler/core/core.h"
#include "scheduler/core/room.h"

namespace octet::scheduler {
namespace {

// A reservation is made anew when it is older than this, since running jobs
// end earlier than they said; and a preemption is not thought over sooner.
constexpr absl::Duration kReservationAge = absl::Seconds(30);
constexpr absl::Duration kRoomAge = absl::Seconds(1);

}  // namespace

/// The lanes of a team for one resource, with how far each has been looked at.
struct Core::Group {
  struct Cursor {
    const Lane* lane;
    Lane::const_iterator next;
    int passed = 0;  // jobs that a reservation kept from starting
  };

  std::string team, resource;
  std::vector<double> rank;     // by policy
  std::vector<Cursor> cursors;  // of lanes that may still have somebody to start
  bool made_room = false;

  Cursor& First() {
    return *std::min_element(cursors.begin(), cursors.end(),
                             [](const Cursor& a, const Cursor& b) { return *a.next < *b.next; });
  }
  const QueueKey& key() const { return *const_cast<Group*>(this)->First().next; }
};

struct Core::PassState {
  std::map<std::string, std::vector<Reservation>> reservations;  // by resource
  std::set<std::string> blocked;                                 // resources with a first waiter
  std::set<std::string> closed;                                  // nobody passes the first
};

State Core::state() const {
  return State{options_, jobs_, cluster_, teams_, running_, stopping_, elastic_, ends_, now_};
}

void Core::Rank(Group& group) const {
  group.rank.clear();
  const State now = state();
  for (const auto& policy : policies_)
    group.rank.push_back(policy->TeamRank(now, group.team, group.resource));
}

// Begun work goes before everything, then the policies decide between teams,
// then the jobs' own keys.
bool Core::Before(const Group& a, const Group& b) const {
  const bool a_begun = a.key().rank[0] == 0, b_begun = b.key().rank[0] == 0;
  if (a_begun != b_begun) return a_begun;
  if (a.rank != b.rank) return a.rank < b.rank;
  return a.key() < b.key();
}

std::vector<Core::Group> Core::Groups() const {
  std::map<std::pair<std::string, std::string>, Group> groups;
  for (const auto& [key, lane] : queue_.lanes()) {
    const std::string resource = cluster_.ResourceOf(Gang{.resource = key.resource});
    Group& group = groups[{key.team, resource}];
    group.team = key.team;
    group.resource = resource;
    group.cursors.push_back({&lane, lane.begin()});
  }
  std::vector<Group> list;
  for (auto& [key, group] : groups) {
    Rank(group);
    list.push_back(std::move(group));
  }
  return list;
}

void Core::Schedule() {
  dirty_ = false;
  transition_.passed = true;
  PassState pass;
  KeepFreed(pass);
  std::vector<Group> groups = Groups();
  while (!groups.empty()) {
    auto first = std::min_element(groups.begin(), groups.end(),
                                  [this](const auto& a, const auto& b) { return Before(a, b); });
    if (pass.closed.contains(first->resource) || !TryFirst(*first, pass)) groups.erase(first);
  }
  reservations_ = std::move(pass.reservations);
  GrowIdle();
}

// What others were stopped for is kept from those who now come first, too: they
// would take it, and somebody else would be stopped the next moment.
void Core::KeepFreed(PassState& pass) const {
  for (const auto& [resource, reservations] : reservations_)
    for (const Reservation& each : reservations)
      if (each.freed && queue_.Contains(each.job) && now_ - each.made < kReservationAge)
        pass.reservations[resource].push_back(each);
}

// Looks at the group's first job. False: the group has nobody left to look at.
bool Core::TryFirst(Group& group, PassState& pass) {
  Group::Cursor& cursor = group.First();
  // Starting a job takes it, and perhaps its lane, out of the queue.
  const JobId id = cursor.next->id;
  const bool last = std::next(cursor.next) == cursor.lane->end();
  const auto drop_lane = [&] {
    group.cursors.erase(group.cursors.begin() + (&cursor - group.cursors.data()));
  };
  const auto advance = [&] { last ? drop_lane() : void(++cursor.next); };

  const Job& job = jobs_.at(id);
  const std::optional<Wish> wish = WishOf(job);
  const bool alone = job.array != kNoJob && job.array_max_running > 0;
  if (!wish.has_value() || Refusal(*wish).has_value()) {
    // Others of the lane want the same and get the same answer; those of
    // another array do not.
    alone ? advance() : drop_lane();
    return !group.cursors.empty();
  }
  const auto next = std::next(cursor.next);
  if (TryStart(*wish, pass)) {
    last ? drop_lane() : void(cursor.next = next);
    Rank(group);
    return !group.cursors.empty();
  }
  Block(*wish, group, pass);
  // What is free but kept for another may do for a job that ends in time.
  const bool kept = HasFree(wish->gang(), wish->least(), cluster_);
  if (kept && ++cursor.passed < options_.backfill_depth) {
    advance();
  } else {
    drop_lane();
  }
  return !group.cursors.empty();
}

std::optional<Wish> Core::WishOf(const Job& job) const {
  const Gang& gang = job.current_stage().gang;
  Wish wish{
      .job = job, .resource = cluster_.ResourceOf(gang), .sizes = SizesOf(gang, job.most_slots)};
  if (wish.sizes.empty()) return std::nullopt;
  return wish;
}

std::optional<PendingReason> Core::Refusal(const Wish& wish) const {
  const Job& job = wish.job;
  if (job.array != kNoJob && job.array_max_running > 0) {
    const auto running = array_running_.find(job.array);
    if (running != array_running_.end() && running->second >= job.array_max_running)
      return PendingReason{.code = PendingCode::kArray,
                           .message = absl::StrCat(running->second, " jobs of array j", job.array,
                                                   " run, which is as many as may"),
                           .job = job.array};
  }
  const State now = state();
  for (const auto& policy : policies_)
    if (auto reason = policy->Refuse(now, wish)) return reason;
  return std::nullopt;
}

bool Core::TryStart(const Wish& wish, PassState& pass) {
  const std::vector<Reservation>& reservations = pass.reservations[wish.resource];
  const auto allowance = [&](const Node& node, int free) {
    return Allowed(node, free, wish.job, reservations);
  };
  const Team& team = teams_.Get(wish.job.team);
  for (const int size : wish.sizes) {
    if (size > team.Limit(wish.resource) - team.Used(wish.resource)) continue;
    auto shares = PlaceGang(wish.gang(), size, cluster_, allowance);
    if (!shares.has_value()) continue;
    std::erase_if(pass.reservations[wish.resource],
                  [&](const Reservation& each) { return each.job == wish.job.id; });
    StartAttemptOf(jobs_.at(wish.job.id), wish.resource, *std::move(shares));
    return true;
  }
  return false;
}

int Core::Allowed(const Node& node, int free, const Job& job,
                  const std::vector<Reservation>& reservations) const {
  if (node.end_of_life != absl::InfiniteFuture() && !IsUseful(node, job, options_, now_)) return 0;
  int allowed = free;
  for (const Reservation& reservation : reservations) {
    if (reservation.job == job.id) continue;
    const auto kept = reservation.slots.find(node.name);
    if (kept == reservation.slots.end()) continue;
    if (reservation.time != absl::InfiniteFuture() && now_ + job.time_limit <= reservation.time)
      continue;
    int coming = 0;  // slots of it that are still held by those it waits for
    for (const Slot& slot : node.slots) coming += reservation.waits_for.contains(slot.job);
    allowed -= std::max(0, kept->second - coming);
  }
  return std::max(allowed, 0);
}

// The first of a resource that waits gets a reservation, and so does whoever
// others are stopped for; without one the first keeps everybody from passing.
void Core::Block(const Wish& wish, Group& group, PassState& pass) {
  std::vector<Reservation>& reservations = pass.reservations[wish.resource];
  const bool first = pass.blocked.insert(wish.resource).second;
  const bool makes_room = !std::exchange(group.made_room, true) && MakeRoom(wish, reservations);
  const auto is_its = [&](const Reservation& each) { return each.job == wish.job.id; };
  if (std::any_of(reservations.begin(), reservations.end(), is_its)) return;
  const auto& old = reservations_[wish.resource];
  const auto known = std::find_if(old.begin(), old.end(), is_its);
  if (!first && !makes_room && known == old.end()) return;
  if (known != old.end() && !makes_room && now_ - known->made < kReservationAge &&
      now_ < known->time) {
    reservations.push_back(*known);
    return;
  }
  for (const auto& policy : policies_)
    if (auto reservation = policy->Reserve(state(), wish, reservations)) {
      reservation->freed = makes_room;
      reservations.push_back(*std::move(reservation));
      return;
    }
  if (first && reservations.empty()) pass.closed.insert(wish.resource);
}

bool Core::MakeRoom(const Wish& wish, const std::vector<Reservation>& reservations) {
  absl::Time& tried = room_tried_.try_emplace(wish.job.id, absl::InfinitePast()).first->second;
  if (now_ - tried < kRoomAge) return false;
  tried = now_;
  for (const auto& policy : policies_) {
    const std::vector<Eviction> evictions = policy->MakeRoom(state(), wish, reservations);
    Evict(evictions);
    if (!evictions.empty()) return true;
  }
  return false;
}

void Core::Evict(const std::vector<Eviction>& evictions) {
  for (const Eviction& eviction : evictions) {
    Job& job = jobs_.at(eviction.job);
    job.most_slots = eviction.most_slots;
    Stop(job, eviction.cause, eviction.reason);
  }
}

// A resource that nobody waits for is there for those who can use more of it.
void Core::GrowIdle() {
  if (elastic_.empty() || !options_.resizes()) return;
  std::set<std::string> wanted, resources;
  for (const auto& [key, lane] : queue_.lanes())
    wanted.insert(cluster_.ResourceOf(Gang{.resource = key.resource}));
  for (const JobId id : elastic_) resources.insert(jobs_.at(id).live()->resource);
  const State now = state();
  for (const std::string& resource : resources) {
    if (wanted.contains(resource)) continue;
    for (const auto& policy : policies_) Evict(policy->Grow(now, resource));
  }
}

std::vector<JobId> Core::queue() const {
  std::vector<JobId> ids;
  std::vector<Group> groups = Groups();
  while (!groups.empty()) {
    auto first = std::min_element(groups.begin(), groups.end(),
                                  [this](const auto& a, const auto& b) { return Before(a, b); });
    Group::Cursor& cursor = first->First();
    ids.push_back(cursor.next->id);
    if (++cursor.next == cursor.lane->end())
      first->cursors.erase(first->cursors.begin() + (&cursor - first->cursors.data()));
    if (first->cursors.empty()) groups.erase(first);
  }
  return ids;
}

}  // namespace octet::scheduler
