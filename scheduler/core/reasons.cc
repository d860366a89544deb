// Why a job waits, and why it would wait forever.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status.h"
#include "scheduler/core/core.h"

namespace octet::scheduler {
namespace {

constexpr size_t kMostNodesNamed = 5;

std::string Wants(const Gang& gang, const std::string& resource) {
  std::string text =
      gang.elastic() ? absl::StrCat(gang.min_slots, " to ", gang.slots) : absl::StrCat(gang.slots);
  absl::StrAppend(&text, " ", resource, gang.slots == 1 ? " slot" : " slots");
  if (gang.nodes > 0)
    absl::StrAppend(&text, " over ", gang.nodes, gang.nodes == 1 ? " node" : " nodes");
  return text;
}

// A node that a running job was stored with, before its agent has come back.
bool AnyNodeExpected(const Cluster& cluster) {
  return std::any_of(cluster.away().begin(), cluster.away().end(), [&](const std::string& name) {
    const Node& node = *cluster.Find(name);
    return node.slots.empty() && !node.connected && node.state == Node::State::kReady;
  });
}

std::string WhyNotUsable(const Node& node) {
  if (node.drain.has_value()) return absl::StrCat("drained: ", node.drain->reason);
  if (node.state == Node::State::kLost) return "lost";
  return node.connected ? absl::StrCat("unfit: ", node.problems.front()) : "not connected";
}

// Nodes with slots of the resource that take no work now.
std::optional<PendingReason> AwayNodes(const Cluster& cluster, const std::string& resource) {
  if (cluster.pool(resource).usable == cluster.pool(resource).known) return std::nullopt;
  PendingReason reason{.code = PendingCode::kNodes, .resource = resource};
  std::vector<std::string> texts;
  for (const std::string& name : cluster.away()) {
    if (texts.size() == kMostNodesNamed) break;
    const Node& node = *cluster.Find(name);
    const bool has = std::any_of(node.slots.begin(), node.slots.end(),
                                 [&](const Slot& slot) { return slot.resource == resource; });
    if (!has) continue;
    reason.nodes.push_back(name);
    texts.push_back(absl::StrCat(name, " (", WhyNotUsable(node), ")"));
  }
  if (texts.empty()) return std::nullopt;
  reason.message = absl::StrCat("nodes out of use: ", absl::StrJoin(texts, ", "));
  return reason;
}

PendingReason Waits(PendingCode code, std::string message, JobId job = kNoJob) {
  return {.code = code, .message = std::move(message), .job = job};
}

}  // namespace

std::string Core::NeverCan(const Gang& gang, const std::string& name) const {
  if (!cluster_.any_slots() || AnyNodeExpected(cluster_)) return "";
  const std::string resource = cluster_.ResourceOf(gang);
  const std::string wants = absl::StrCat("the job wants ", Wants(gang, resource));
  const std::vector<int> sizes = SizesOf(gang, 0);
  const int limit = teams_.Get(name).Limit(resource);
  if (!sizes.empty() && sizes.back() > limit)
    return absl::StrCat(wants, ", and team ", name, " may use at most ", limit);
  if (CouldEverHold(gang, cluster_)) return "";
  const int total = cluster_.pool(resource).known;
  std::string text = absl::StrCat(wants, ", and the whole cluster has ", total);
  if (total >= gang.slots) absl::StrAppend(&text, ", not so divided");
  return text;
}

std::vector<PendingReason> Core::ReasonsOf(const Job& job) const {
  std::vector<PendingReason> reasons;
  if (job.state != JobState::kPending) return reasons;
  if (job.held) reasons.push_back(Waits(PendingCode::kHeld, job.reason));
  for (const Dependency& dependency : job.after)
    if (jobs_.contains(dependency.job) && !DependencyMet(dependency))
      reasons.push_back(Waits(PendingCode::kDependency,
                              absl::StrCat("waits for job j", dependency.job, " to end"),
                              dependency.job));
  if (job.not_before > now_)
    reasons.push_back(Waits(
        PendingCode::kBackoff,
        absl::StrCat("waits ",
                     absl::FormatDuration(absl::Ceil(job.not_before - now_, absl::Seconds(1))),
                     " after a failure")));
  const Gang& gang = job.current_stage().gang;
  if (!cluster_.any_slots()) {
    reasons.push_back(Waits(PendingCode::kSlots, "no node has joined the cluster yet"));
    return reasons;
  }
  if (const std::string never = NeverCan(gang, job.team); !never.empty())
    reasons.push_back(Waits(PendingCode::kNever, never));
  if (!reasons.empty()) return reasons;
  const std::optional<Wish> wish = WishOf(job);
  if (!wish.has_value()) return reasons;
  if (auto refusal = Refusal(*wish)) reasons.push_back(*std::move(refusal));
  if (reasons.empty()) reasons.push_back(WhyNoSlots(*wish));
  if (auto away = AwayNodes(cluster_, wish->resource)) reasons.push_back(*std::move(away));
  return reasons;
}

std::map<PendingCode, int> Core::PendingByCode() const {
  std::map<PendingCode, int> counts;
  const auto count = [&](JobId id, size_t jobs) {
    const auto reasons = ReasonsOf(jobs_.at(id));
    const PendingCode code = reasons.empty() ? PendingCode::kUnspecified : reasons.front().code;
    counts[code] += static_cast<int>(jobs);
  };
  for (const auto& [key, lane] : queue_.lanes()) {
    count(lane.begin()->id, 1);
    if (lane.size() > 1) count(std::next(lane.begin())->id, lane.size() - 1);
  }
  std::set<JobId> waiting;
  for (const auto& [time, id] : sleepers_) waiting.insert(id);
  for (const auto& [ended, ids] : dependents_) waiting.insert(ids.begin(), ids.end());
  size_t counted = queue_.size();
  for (const JobId id : waiting) {
    const Job& job = jobs_.at(id);
    if (job.state != JobState::kPending || queue_.Contains(id)) continue;
    const bool waits = std::any_of(job.after.begin(), job.after.end(),
                                   [this](const auto& each) { return !DependencyMet(each); });
    // As ReasonsOf says, which would look at the whole cluster for it.
    ++counts[job.held ? PendingCode::kHeld
             : waits  ? PendingCode::kDependency
                      : PendingCode::kBackoff];
    ++counted;
  }
  // What is left waits for nothing but its release.
  if (pending_ > counted) counts[PendingCode::kHeld] += static_cast<int>(pending_ - counted);
  return counts;
}

// In the queue, with nothing against it but who holds the slots or is ahead.
PendingReason Core::WhyNoSlots(const Wish& wish) const {
  const Pool& pool = cluster_.pool(wish.resource);
  PendingReason reason{
      .code = PendingCode::kSlots,
      .message = absl::StrCat("waits for ", Wants(wish.gang(), wish.resource), "; ",
                              pool.free.total(), " of ", pool.usable, " are free on ready nodes"),
      .resource = wish.resource,
      .slots_needed = wish.least(),
      .slots_free = pool.free.total()};
  const auto reservations = reservations_.find(wish.resource);
  if (reservations == reservations_.end()) return reason;
  for (const Reservation& reservation : reservations->second) {
    if (reservation.job != wish.job.id) continue;
    int stopping = 0;
    for (const JobId id : reservation.waits_for) stopping += stopping_.contains(id);
    if (stopping == 0) return reason;
    reason.code = PendingCode::kPreempting;
    absl::StrAppend(&reason.message, "; ", stopping, stopping == 1 ? " job is" : " jobs are",
                    " being stopped for it");
    return reason;
  }
  if (pool.free.total() < wish.least() || reservations->second.empty()) return reason;
  const JobId ahead = reservations->second.front().job;
  reason.code = PendingCode::kBehind;
  reason.job = ahead;
  reason.message =
      absl::StrCat("behind job j", ahead, ", for which slots are kept; ", reason.message);
  return reason;
}

int Core::PositionOf(const Job& job, std::vector<JobId>* ahead) const {
  if (!queue_.Contains(job.id)) return 0;
  const std::string resource = cluster_.ResourceOf(job.current_stage().gang);
  int position = 1;
  for (const JobId id : queue()) {
    if (id == job.id) break;
    if (cluster_.ResourceOf(jobs_.at(id).current_stage().gang) != resource) continue;
    ++position;
    if (ahead != nullptr) ahead->push_back(id);
  }
  return position;
}

// --- What if ---------------------------------------------------------------------

absl::StatusOr<Core> WhatIf(Core core, JobId id, const OtherWishes& wishes) {
  ASSIGN_OR_RETURN(Job * job, core.FindJob(id));
  if (job->state != JobState::kPending)
    return absl::FailedPreconditionError(absl::StrCat("job j", id, " does not wait"));
  --core.teams_.Get(job->team).pending;
  Gang& gang = job->stages[job->stage].gang;
  gang.slots = wishes.slots.value_or(gang.slots);
  gang.min_slots = std::min(gang.min_slots, gang.slots);
  gang.nodes = wishes.nodes.value_or(gang.nodes);
  job->priority = wishes.priority.value_or(job->priority);
  job->team = wishes.team.value_or(job->team);
  job->time_limit = wishes.time_limit.value_or(job->time_limit);
  RETURN_IF_ERROR(core.Check(JobSubmitted{.stages = job->stages, .team = job->team}));
  ++core.teams_.Get(job->team).pending;
  core.Wait(*job);
  core.Schedule();
  return core;
}

// --- Estimates -------------------------------------------------------------------

StartEstimate EstimateStart(Core core, JobId id, absl::Time now) {
  const auto started = [&] { return core.jobs().at(id).live() != nullptr; };
  absl::Time time = now;
  while (!started()) {
    if (core.ends().empty()) {
      std::vector<std::string> open;
      for (const JobId running : core.running())
        if (open.size() < 3) open.push_back(absl::StrCat("j", running));
      return {.unknown = open.empty()
                             ? "no running job will free what it waits for"
                             : absl::StrCat("nobody knows how long ", absl::StrJoin(open, ", "),
                                            " will run: no time limit, and no progress yet")};
    }
    const auto [end, first] = *core.ends().begin();
    time = std::max(time, end);
    const Attempt live = *core.jobs().at(first).live();
    for (const Part& part : live.parts)
      if (part.state != Part::State::kEnded)
        core.Apply(PartEnded{{first, live.number}, part.node, true}, time).IgnoreError();
  }
  return {.time = time};
}

}  // namespace octet::scheduler
