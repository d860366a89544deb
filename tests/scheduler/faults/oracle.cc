// Checks of what users are told, what goes over the wire and what runs.
#include "tests/scheduler/faults/oracle.h"

#include <algorithm>

#include "scheduler/server/codec.h"
#include "scheduler/server/stored.h"
#include "tests/scheduler/faults/network.h"

namespace octet::scheduler::faults {
namespace {

const Part* PartOn(const Attempt& attempt, const std::string& node) {
  for (const Part& part : attempt.parts)
    if (part.node == node) return &part;
  return nullptr;
}

std::string Text(const v1::AttemptRef& ref) {
  return absl::StrCat("attempt ", ref.attempt(), " of ", ref.job_id());
}

}  // namespace

// --- Users ---------------------------------------------------------------------

void Oracle::OnCreated(const std::string& name, JobId id) {
  const auto [known, is_new] = created_.emplace(name, id);
  if (known->second != id) Fail(name, ": its user is told j", id, " after j", known->second);
  if (!jobs_.contains(id)) Fail(name, " is answered as j", id, ", which is not stored");
}

void Oracle::OnCancelled(JobId id) {
  const auto job = jobs_.find(id);
  if (job == jobs_.end() || !(job->second.cancel_requested || IsFinal(job->second.state)))
    Fail("j", id, ": its cancel is answered and not stored");
}

void Oracle::OnSeen(const Job& job) {
  const auto known = jobs_.find(job.id);
  if (known == jobs_.end()) return Fail("j", job.id, " is shown and not stored");
  if (!IsSame(job, known->second))
    Fail("j", job.id, " is shown as ", Name(job.state), ", and not as it is stored");
}

// --- Wire ----------------------------------------------------------------------

const Attempt* Oracle::FindAttempt(const v1::AttemptRef& ref) const {
  const auto job = jobs_.find(ParseJobId(ref.job_id()).value_or(kNoJob));
  if (job == jobs_.end()) return nullptr;
  const std::vector<Attempt>& attempts = job->second.attempts;
  if (ref.attempt() < 1 || ref.attempt() > static_cast<int>(attempts.size())) return nullptr;
  return &attempts[ref.attempt() - 1];
}

void Oracle::OnSend(const std::string& node, const std::string& instance,
                    const v1::SchedulerMessage& message) {
  if (message.has_start_attempt()) return CheckStartMessage(node, message.start_attempt());
  if (message.has_stop_attempt()) return CheckStop(node, message.stop_attempt().ref());
  for (const v1::AttemptRef& ref : message.welcome().unwanted()) CheckStop(node, ref);
  if (!message.has_report_ack()) return;
  std::map<int64_t, v1::AttemptReport>& reports = reports_[instance];
  const auto end = reports.upper_bound(message.report_ack().sequence());
  for (auto report = reports.begin(); report != end; ++report) CheckAck(node, report->second);
  reports.erase(reports.begin(), end);
}

void Oracle::CheckStartMessage(const std::string& node, const v1::StartAttempt& start) {
  const Attempt* attempt = FindAttempt(start.ref());
  const Part* part = attempt == nullptr ? nullptr : PartOn(*attempt, node);
  if (part == nullptr)
    return Fail(node, " is told to start ", Text(start.ref()), ", which is not stored");
  if (start.world_size() != attempt->slots() ||
      !std::equal(start.slot_indices().begin(), start.slot_indices().end(),
                  part->slot_indices.begin(), part->slot_indices.end()))
    Fail(node, " is told to start ", Text(start.ref()), " otherwise than it is stored");
  if (start.stage() == "command" && start.rank_endpoints_size() != start.world_size())
    Fail(node, " is told to start ", Text(start.ref()), " without knowing where all ranks are");
  const auto untold = untold_.find({*ParseJobId(start.ref().job_id()), start.ref().attempt()});
  if (untold == untold_.end()) return;
  untold->second.erase(node);
  if (untold->second.empty()) untold_.erase(untold);
}

void Oracle::CheckStop(const std::string& node, const v1::AttemptRef& ref) {
  const Attempt* attempt = FindAttempt(ref);
  if (attempt == nullptr || IsFinal(attempt->state) || attempt->state == AttemptState::kStopping)
    return;
  const Part* part = PartOn(*attempt, node);
  if (part != nullptr && part->state != Part::State::kEnded)
    Fail(node, " is told to stop ", Text(ref), ", which is stored as running");
}

void Oracle::CheckAck(const std::string& node, const v1::AttemptReport& report) {
  const Attempt* attempt = FindAttempt(report.ref());
  if (attempt == nullptr || IsFinal(attempt->state)) return;
  const Part* part = PartOn(*attempt, node);
  if (part == nullptr) return;
  const bool stored = report.has_ended()     ? part->state == Part::State::kEnded
                      : report.has_started() ? part->state != Part::State::kTold
                                             : true;
  if (!stored) Fail(node, "'s report of ", Text(report.ref()), " is acknowledged and not stored");
}

std::function<void(bool)> Oracle::OnReport(const std::string& node, const std::string& instance,
                                           const v1::AttemptReport& report) {
  if (report.sequence() == 0) return nullptr;
  reports_[instance].emplace(report.sequence(), report);
  const auto job = jobs_.find(ParseJobId(report.ref().job_id()).value_or(kNoJob));
  const Attempt* attempt = FindAttempt(report.ref());
  const bool over = attempt == nullptr || IsFinal(attempt->state) ||
                    attempt->number != static_cast<int>(job->second.attempts.size());
  return [this, node, over, ref = report.ref()](bool took_effect) {
    if (over && took_effect) Fail("what ", node, " says of ", Text(ref), ", long over, counts");
  };
}

void Oracle::OnHello(const std::string& node, const std::string& instance) {
  hellos_[node].emplace_back(loop_.now(), instance);
  OnHeard(node);
}

void Oracle::OnHeard(const std::string& node) {
  std::deque<absl::Duration>& heard = heard_[node];
  heard.push_back(loop_.now());
  // Losses are checked when they are stored, a while after they happen.
  while (heard.size() > 100) heard.pop_front();
}

// The part may have ended in the same write: its agent was started anew.
bool Oracle::Holds(JobId id, int attempt, const std::string& node) const {
  const Attempt* live = jobs_.at(id).live();
  const Part* part = live == nullptr || live->number != attempt ? nullptr : PartOn(*live, node);
  return part != nullptr && part->state != Part::State::kEnded;
}

void Oracle::AfterEvent(const Network* network) {
  if (untold_.empty()) return;
  const std::set<std::string> open =
      network == nullptr ? std::set<std::string>{} : network->OpenNodes();
  for (const auto& [attempt, nodes] : untold_)
    for (const std::string& node : nodes)
      if (open.contains(node) && Holds(attempt.first, attempt.second, node))
        Fail("j", attempt.first, " starts half: ", node, " is not told");
  untold_.clear();
}

// --- The scheduler's life ----------------------------------------------------------

void Oracle::OnStart(const Controller& controller) {
  life_start_ = last_tick_ = loop_.now();
  life_start_time_ = clock_.Now();
  for (const auto& [id, job] : jobs_) {
    const auto view = controller.GetJob(FormatJobId(id));
    if (!view.ok()) return Fail("j", id, " is gone after a restart");
    OnSeen(view->job);
  }
}

void Oracle::BeforeTick(const Controller& controller) {
  int ready = 0, silent = 0;
  const absl::Time now = life_start_time_ + (loop_.now() - life_start_);
  for (const Node& node : controller.ListNodes("", 1000)) {
    if (node.state != Node::State::kReady) continue;
    ++ready;
    silent += now - node.heard > absl::Seconds(10);
  }
  const bool stood_still = loop_.now() - last_tick_ > absl::Seconds(6);
  if (stood_still || (ready >= 3 && 2 * silent > ready)) cut_off_.insert(loop_.now());
  last_tick_ = loop_.now();
}

void Oracle::CheckQuiet(Controller& controller) {
  for (const Node& node : controller.ListNodes("", 1000))
    for (const Slot& slot : node.slots) {
      const auto holder = held_.find({node.name, slot.index});
      if (slot.job != (holder == held_.end() ? kNoJob : holder->second))
        return Fail("slot ", slot.index, " of ", node.name, " is j", slot.job,
                    "'s for the scheduler, and j", holder == held_.end() ? 0 : holder->second,
                    "'s on the disk");
    }
  for (const v1::Team& team : controller.ListTeams()) {
    int used = 0;
    for (const auto& [resource, slots] : team.used()) used += slots;
    if (used != used_[team.name()])
      Fail("team ", team.name(), " uses ", used, " slots for the scheduler, and ",
           used_[team.name()], " on the disk");
  }
}

bool Oracle::AllEnded() const { return ended_.size() == jobs_.size(); }

void Oracle::CheckEnd(Controller& controller) {
  for (const auto& [name, id] : created_)
    if (!jobs_.contains(id)) Fail("j", id, " was accepted as ", name, " and is lost");
  // What runs first: it is in the way of the others.
  if (!held_.empty()) {
    const auto& [slot, id] = *held_.begin();
    return Fail("j", id, " does not end; it still holds slot ", slot.second, " of ", slot.first);
  }
  for (const auto& [id, job] : jobs_) {
    const auto view = controller.GetJob(FormatJobId(id));
    if (!view.ok()) return Fail("j", id, " is lost");
    OnSeen(view->job);
    if (IsFinal(job.state)) continue;
    std::string why = job.live() == nullptr ? "" : "it runs";
    for (const PendingReason& reason : view->reasons) absl::StrAppend(&why, reason.message, "; ");
    return Fail("j", id, " does not end: ", why);
  }
  if (!running_.empty())
    Fail("ranks of j", running_.begin()->second, " still run on ", running_.begin()->first.first);
}

// --- Nodes ---------------------------------------------------------------------

void Oracle::OnRanksStart(const std::string& node, const v1::StartAttempt& start) {
  const JobId id = ParseJobId(start.ref().job_id()).value_or(kNoJob);
  const Attempt* attempt = FindAttempt(start.ref());
  if (attempt == nullptr || PartOn(*attempt, node) == nullptr)
    return Fail(node, " starts ranks of ", Text(start.ref()), ", which is not stored");
  if (!ever_ran_.insert({node, {start.ref().job_id(), start.ref().attempt()}}).second)
    Fail(node, " starts ", Text(start.ref()), " twice");
  for (const int slot : start.slot_indices()) {
    const auto [holder, is_new] = running_.emplace(std::pair(node, slot), id);
    if (!is_new)
      Fail("ranks of j", holder->second, " and j", id, " run on slot ", slot, " of ", node);
  }
}

void Oracle::OnRanksEnd(const std::string& node, const v1::StartAttempt& start) {
  for (const int slot : start.slot_indices()) running_.erase({node, slot});
}

}  // namespace octet::scheduler::faults
