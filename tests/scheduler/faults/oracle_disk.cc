// Checks of what is stored.
#include <algorithm>

#include "absl/strings/match.h"
#include "octet/v1/events.pb.h"
#include "scheduler/server/codec.h"
#include "scheduler/server/stored.h"
#include "tests/scheduler/faults/oracle.h"

namespace octet::scheduler::faults {
namespace {

bool SameParts(const Attempt& a, const Attempt& b) {
  return std::equal(a.parts.begin(), a.parts.end(), b.parts.begin(), b.parts.end(),
                    [](const Part& x, const Part& y) {
                      return x.node == y.node && x.slot_indices == y.slot_indices &&
                             x.first_rank == y.first_rank;
                    });
}

bool Same(const Attempt& a, const Attempt& b) {
  return a.number == b.number && a.state == b.state && a.start_time == b.start_time &&
         a.end_time == b.end_time && a.failure.has_value() == b.failure.has_value() &&
         a.resumed_step == b.resumed_step && a.stop_cause == b.stop_cause && SameParts(a, b);
}

bool IsNewlyPreempted(const Job* before, const Job& after) {
  const Attempt* live = after.live();
  if (before == nullptr || live == nullptr || live->stop_cause != StopCause::kPreempt) return false;
  const Attempt* was = before->live();
  return was == nullptr || was->stop_cause != StopCause::kPreempt;
}

}  // namespace

// The bytes of a map have no order.
bool IsSame(Job a, Job b) {
  return std::exchange(a.results, {}) == std::exchange(b.results, {}) &&
         EncodeJob(a) == EncodeJob(b);
}

void Oracle::OnDurable(const Batch& batch) {
  std::set<JobId> changed;
  std::vector<JobId> preempted;
  NoteDrains(batch);
  for (const Record& record : batch.puts) {
    if (record.table != kJobTable) continue;
    auto decoded = DecodeJob(record.value);
    if (!decoded.ok()) return Fail("a record that is no job is stored as ", record.key);
    const Job& job = *decoded;
    const auto known = jobs_.find(job.id);
    const bool is_first = changed.insert(job.id).second;
    if (ended_.contains(job.id) && !IsSame(jobs_.at(job.id), job))
      return Fail(record.key, " changes after its end, to ", Name(job.state));
    if (known == jobs_.end()) {
      CheckNew(job);
      CheckStart(nullptr, job);
    } else {
      CheckChange(known->second, job);
      if (IsNewlyPreempted(&known->second, job)) preempted.push_back(job.id);
      // Taken again when all that the batch frees is free.
      if (is_first) Free(known->second);
    }
    if (IsFinal(job.state)) ended_.insert(job.id);
    jobs_[job.id] = job;
  }
  for (const JobId id : changed) Hold(jobs_.at(id));
  CheckTeams();
  CheckPreempted(preempted);
  CheckHistory(batch);
}

void Oracle::NoteDrains(const Batch& batch) {
  for (const Record& record : batch.puts) {
    if (record.table != kDrainTable) continue;
    const auto drain = DecodeDrain(record.value);
    if (!drain.ok()) return Fail("a record that is no drain is stored for ", record.key);
    if (drain->has_value()) {
      drained_.insert(record.key);
    } else {
      drained_.erase(record.key);
    }
  }
}

const Submission* Oracle::SubmissionOf(const Job& job) const {
  std::string name = job.name;
  if (job.array != kNoJob) name = name.substr(0, name.rfind('-'));
  const auto found = submissions_.find(name);
  return found == submissions_.end() ? nullptr : &found->second;
}

void Oracle::CheckNew(const Job& job) {
  const Submission* submission = SubmissionOf(job);
  if (submission == nullptr) return Fail("j", job.id, " (", job.name, ") was never submitted");
  std::set<JobId>& made = made_[submission->name];
  made.insert(job.id);
  if (static_cast<int>(made.size()) > submission->count)
    Fail(submission->name, " was submitted once and is made twice, as j", job.id, " too");
  if (job.team != submission->team || job.stages.size() != submission->stages.size())
    Fail("j", job.id, " is not what was submitted");
}

void Oracle::CheckChange(const Job& before, const Job& after) {
  if (after.name != before.name || after.owner != before.owner)
    return Fail("j", after.id, " becomes another job: ", after.name);
  if (before.cancel_requested && !after.cancel_requested)
    Fail("j", after.id, ": its cancel is forgotten");
  CheckAttempts(before, after);
  CheckOneLife(after);
}

void Oracle::CheckAttempts(const Job& before, const Job& after) {
  const size_t old = before.attempts.size();
  if (after.attempts.size() < old || after.attempts.size() > old + 1)
    return Fail("j", after.id, " has ", after.attempts.size(), " attempts after ", old);
  for (size_t i = 0; i < old; ++i) {
    const Attempt& was = before.attempts[i];
    const Attempt& is = after.attempts[i];
    if (IsFinal(was.state) ? !Same(was, is) : !SameParts(was, is))
      return Fail("j", after.id, ": attempt ", was.number, " is over, and changes");
    if (!was.failure && is.failure) CheckLost(after, is);
    for (size_t part = 0; part < was.parts.size(); ++part)
      if (is.parts[part].state < was.parts[part].state)
        return Fail("j", after.id, ": node ", is.parts[part].node, " goes back in attempt ",
                    is.number);
  }
  if (after.attempts.size() > old) CheckStart(&before, after);
}

void Oracle::CheckOneLife(const Job& job) {
  int live = 0;
  for (size_t i = 0; i < job.attempts.size(); ++i) {
    live += !IsFinal(job.attempts[i].state);
    if (job.attempts[i].number != static_cast<int>(i) + 1)
      Fail("j", job.id, ": attempt ", i + 1, " has number ", job.attempts[i].number);
  }
  if (live > 1) Fail("j", job.id, " runs ", live, " times at once");
  if ((live == 1) != (job.state == JobState::kRunning))
    Fail("j", job.id, " is ", Name(job.state), " with ", live, " attempts that run");
}

bool Oracle::Met(const Dependency& dependency) const {
  const auto found = jobs_.find(dependency.job);
  if (found == jobs_.end()) return false;
  switch (const JobState state = found->second.state; dependency.condition) {
    case Dependency::Condition::kSucceeded:
      return state == JobState::kSucceeded;
    case Dependency::Condition::kFailed:
      return state == JobState::kFailed || state == JobState::kCancelled;
    case Dependency::Condition::kEnded:
      return IsFinal(state);
  }
  return false;
}

// Of an attempt that the record begins, if it does.
void Oracle::CheckStart(const Job* before, const Job& after) {
  if (after.attempts.empty()) return;
  const Attempt& attempt = after.attempts.back();
  if (IsFinal(attempt.state)) return Fail("j", after.id, ": an attempt begins with its end");
  if (after.held) Fail("j", after.id, " is held, and starts");
  const Submission* submission = SubmissionOf(after);
  if (submission == nullptr) return;
  for (const Dependency& dependency : submission->after)
    if (!Met(dependency)) Fail("j", after.id, " starts before j", dependency.job, " has ended");
  if (attempt.start_time < after.not_before)
    Fail("j", after.id, " starts ", absl::FormatDuration(after.not_before - attempt.start_time),
         " before its wait is over");
  if (before != nullptr)
    for (const Attempt& each : before->attempts)
      if (!IsFinal(each.state)) {
        // It ends and the next begins in one step: each of its parts must have.
        for (const Part& part : after.attempts[each.number - 1].parts)
          if (part.state != Part::State::kEnded)
            Fail("j", after.id, " starts again while ", part.node, " still runs attempt ",
                 each.number);
      }
  CheckGang(after, attempt);
  std::set<std::string>& untold = untold_[{after.id, attempt.number}];
  for (const Part& part : attempt.parts) {
    untold.insert(part.node);
    if (drained_.contains(part.node)) Fail("j", after.id, " starts on ", part.node, ", drained");
  }
}

void Oracle::CheckGang(const Job& job, const Attempt& attempt) {
  const Submission& submission = *SubmissionOf(job);
  const Gang& gang = submission.stages[job.stage].gang;
  int rank = 0;
  std::set<std::string> nodes;
  for (const Part& part : attempt.parts) {
    if (part.first_rank != rank) Fail("j", job.id, ": ranks are missing before ", part.first_rank);
    rank += static_cast<int>(part.slot_indices.size());
    nodes.insert(part.node);
  }
  if (rank > gang.slots || rank < (gang.elastic() ? gang.min_slots : gang.slots))
    Fail("j", job.id, " starts half: ", rank, " of ", gang.slots, " slots");
  if (gang.nodes > 0 && static_cast<int>(nodes.size()) != gang.nodes)
    Fail("j", job.id, " starts half: on ", nodes.size(), " of ", gang.nodes, " nodes");
}

// A node's agent was only started anew when another one has said hello. A hello
// can be late: then it is the dead agent's, and the live one's job is restarted.
void Oracle::CheckLost(const Job& job, const Attempt& attempt) {
  if (attempt.failure->failure_class != FailureClass::kNodeLost ||
      !absl::StrContains(attempt.failure->message, "its agent was restarted"))
    return;
  for (const Part& part : attempt.parts)
    if (part.node == attempt.failure->node && !SaidHello(part.node, part.agent_instance))
      Fail("j", job.id, " was running on ", part.node, ", and is restarted");
}

bool Oracle::SaidHello(const std::string& node, const std::string& not_this) {
  const std::deque<std::pair<absl::Duration, std::string>>& hellos = hellos_[node];
  return std::any_of(hellos.begin(), hellos.end(), [&](const auto& hello) {
    return hello.second != not_this && hello.first > loop_.now() - absl::Minutes(1);
  });
}

void Oracle::Free(const Job& job) {
  const Attempt* live = job.live();
  if (live == nullptr) return;
  for (const Part& part : live->parts) {
    if (part.state == Part::State::kEnded) continue;
    used_[job.team] -= static_cast<int>(part.slot_indices.size());
    for (const int slot : part.slot_indices) held_.erase({part.node, slot});
  }
}

void Oracle::Hold(const Job& job) {
  const Attempt* live = job.live();
  if (live == nullptr) return;
  for (const Part& part : live->parts) {
    if (part.state == Part::State::kEnded) continue;
    used_[job.team] += static_cast<int>(part.slot_indices.size());
    for (const int slot : part.slot_indices) {
      const auto [holder, is_new] = held_.emplace(std::pair(part.node, slot), job.id);
      if (!is_new)
        Fail("slot ", slot, " of ", part.node, " is given twice: to j", holder->second, " and j",
             job.id);
    }
  }
}

void Oracle::CheckTeams() {
  std::map<JobId, int> arrays;
  for (const auto& [name, config] : options_.teams)
    for (const auto& [resource, limit] : config.limit)
      if (used_[name] > limit)
        Fail("team ", name, " uses ", used_[name], " slots, of ", limit, " that it may");
  for (const auto& [slot, id] : held_) {
    const Job& job = jobs_.at(id);
    const Submission* submission = SubmissionOf(job);
    if (job.array == kNoJob || submission == nullptr || submission->max_running == 0) continue;
    std::set<JobId> running;
    for (const auto& [other, holder] : held_)
      if (jobs_.at(holder).array == job.array) running.insert(holder);
    if (static_cast<int>(running.size()) > submission->max_running)
      Fail(running.size(), " jobs of array j", job.array, " run at once");
  }
}

// Either for a job of its own team that goes before it, or, of a team that
// borrows, down to its quota and no further.
void Oracle::CheckPreempted(const std::vector<JobId>& preempted) {
  std::map<std::string, int> taken;
  for (const JobId id : preempted) {
    const Job& job = jobs_.at(id);
    const bool by_priority = std::any_of(jobs_.begin(), jobs_.end(), [&](const auto& entry) {
      const Job& other = entry.second;
      return other.team == job.team && other.priority > job.priority && !IsFinal(other.state);
    });
    if (!by_priority) taken[job.team] += job.live()->slots();
  }
  for (const auto& [team, slots] : taken) {
    const auto config = options_.teams.find(team);
    int quota = 0;
    if (config != options_.teams.end() && !config->second.quota.empty())
      quota = config->second.quota.begin()->second;
    if (used_[team] - slots < quota)
      Fail("team ", team, " loses ", slots, " of ", used_[team], " slots to others, below its ",
           quota);
  }
}

void Oracle::CheckHistory(const Batch& batch) {
  for (const StoredEvent& stored : batch.events) {
    v1::Event event;
    event.ParseFromString(stored.value);
    loop_.Trace("stored: ", stored.job, stored.job.empty() ? event.node() : "", " ", event.type(),
                event.message().empty() ? "" : ": ", event.message());
    if (event.type() == "node_lost") {
      CheckNodeLost(event.node(), absl::FromUnixSeconds(event.time().seconds()) +
                                      absl::Nanoseconds(event.time().nanos()));
      continue;
    }
    if (event.type() != "succeeded" && event.type() != "failed" && event.type() != "cancelled")
      continue;
    const JobId id = ParseJobId(event.job_id()).value_or(kNoJob);
    if (++ends_[id] > 1) Fail(event.job_id(), " ends twice");
    if (!jobs_.contains(id) || !IsFinal(jobs_.at(id).state))
      Fail(event.job_id(), " has ", event.type(), ", says its history");
  }
}

void Oracle::CheckNodeLost(const std::string& node, absl::Time time) {
  const absl::Duration at = life_start_ + (time - life_start_time_);
  for (const absl::Duration heard : heard_[node])
    if (heard < at && heard > at - absl::Seconds(10) + absl::Milliseconds(1))
      Fail(node, " is given up, and was heard ", absl::FormatDuration(at - heard), " before");
  if (at - life_start_ < absl::Seconds(10) - absl::Milliseconds(1))
    Fail(node, " is given up ", absl::FormatDuration(at - life_start_),
         " after the scheduler's start");
  const auto tick = cut_off_.lower_bound(at - absl::Microseconds(1));
  if (tick != cut_off_.end() && *tick <= at + absl::Microseconds(1))
    Fail(node, " is given up by a scheduler that was itself cut off");
}

}  // namespace octet::scheduler::faults
