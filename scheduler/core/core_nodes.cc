// Nodes: how they come, fall silent, are taken out of use and come back.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status.h"
#include "scheduler/core/core.h"

namespace octet::scheduler {
namespace {

// Fewer nodes than this can fall silent together by chance.
constexpr int kFewestForACutOff = 3;

bool Lists(const std::vector<AttemptRef>& running, JobId job, int attempt) {
  return std::any_of(running.begin(), running.end(), [&](const AttemptRef& ref) {
    return ref.job == job && ref.attempt == attempt;
  });
}

// A quarantined node comes back only when its agent has looked and finds
// nothing wrong.
bool IsWell(const Node* node) {
  return node != nullptr && node->connected && node->state == Node::State::kReady &&
         node->problems.empty();
}

Failure NodeLost(const std::string& node, const std::string& why, const std::string& cause) {
  return Failure{.failure_class = FailureClass::kNodeLost,
                 .message = absl::StrCat("node ", node, " was lost: ", why),
                 .node = node,
                 .cause = cause};
}

}  // namespace

absl::Status Core::On(const NodeConnected& event) {
  if (event.name.empty()) return absl::InvalidArgumentError("a node needs a name");
  const Node* known = cluster_.Find(event.name);
  if (known != nullptr && known->connected && known->state == Node::State::kReady &&
      known->agent_instance != event.agent_instance)
    return absl::AlreadyExistsError(absl::StrCat("another agent is connected as node ", event.name,
                                                 "; give this one a name of its own with --node"));
  const auto drain = drains_.find(event.name);
  cluster_.Update(event.name, [&](Node& node) {
    node.state = Node::State::kReady;
    node.connected = true;
    node.agent_instance = event.agent_instance;
    node.heard = now_;
    node.ending = false;
    node.slots = event.slots;
    node.info = event.info;
    node.switch_name = event.switch_name;
    node.end_of_life = event.end_of_life;
    if (drain != drains_.end()) node.drain = drain->second;
  });
  transition_.changed_nodes.insert(event.name);
  dirty_ = true;
  Log(nullptr, event.name, "node_ready", absl::StrCat(event.slots.size(), " slots"));

  StopUnwanted(event);
  const std::set<JobId> jobs = cluster_.Find(event.name)->jobs;  // Ending a part changes it.
  for (const JobId id : jobs) {
    Job& job = jobs_.at(id);
    const bool runs = Lists(event.running, id, job.live()->number);
    for (Part& part : job.live()->parts) {
      if (part.node != event.name || part.state == Part::State::kEnded) continue;
      ReconcilePart(job, part, event, runs);
      break;
    }
  }
  return absl::OkStatus();
}

void Core::StopUnwanted(const NodeConnected& event) {
  for (const AttemptRef& ref : event.running)
    if (!FindLive(ref, event.name).ok())
      transition_.effects.push_back(
          StopAttempt{event.name, ref, absl::ZeroDuration(), "this attempt has been given up"});
}

void Core::ReconcilePart(Job& job, Part& part, const NodeConnected& event, bool runs) {
  const Attempt& attempt = *job.live();
  // Another life of the agent: what it ran died with it.
  if (!runs && part.agent_instance != event.agent_instance) {
    EndPart(job, part, false, NodeLost(event.name, "its agent was restarted", "agent_killed"));
    return;
  }
  cluster_.Hold(job.id, part);
  if (runs) Log(&job, event.name, "adopted", absl::StrCat("attempt ", attempt.number, " runs on"));
  // The same life and not listed: it was never told, or its report that the
  // part has ended is on its way, and will be repeated until it is here.
  if (!runs && part.state == Part::State::kTold) TellToStart(job, part);
  if (attempt.state == AttemptState::kStopping) TellToStop(job, part);
}

absl::Status Core::On(const NodeDisconnected& event) {
  const Node* node = cluster_.Find(event.name);
  if (node == nullptr || node->agent_instance != event.agent_instance)
    return absl::OkStatus();  // Of a stream that has been replaced.
  cluster_.Update(event.name, [&](Node& changed) {
    changed.connected = false;
    changed.heard = now_;
  });
  transition_.changed_nodes.insert(event.name);
  ForgetIfGone(event.name);
  return absl::OkStatus();
}

// A node that announced its end and kept its word is no loss.
void Core::ForgetIfGone(const std::string& name) {
  const Node* node = cluster_.Find(name);
  if (!node->ending || !node->jobs.empty()) return;
  cluster_.Forget(name);
  transition_.changed_nodes.insert(name);
  dirty_ = true;
  Log(nullptr, name, "node_left", "its agent has ended");
}

absl::Status Core::On(const Heartbeat& event) {
  const Node* node = cluster_.Find(event.name);
  if (node == nullptr || !node->connected)
    return absl::NotFoundError(absl::StrCat("node ", event.name, " is not connected"));
  cluster_.Touch(event.name).heard = now_;
  cluster_.Touch(event.name).ending = event.ending;
  const bool lost = node->state != Node::State::kReady;
  const bool other_problems = node->problems != event.problems;
  if (!lost && !other_problems) return absl::OkStatus();
  cluster_.Update(event.name, [&](Node& changed) {
    changed.state = Node::State::kReady;
    changed.problems = event.problems;
  });
  transition_.changed_nodes.insert(event.name);
  dirty_ = true;
  if (lost) Log(nullptr, event.name, "node_ready", "heard again");
  if (other_problems && event.problems.empty())
    Log(nullptr, event.name, "node_well", "its agent finds nothing wrong any more");
  if (!event.problems.empty())
    Log(nullptr, event.name, "node_unfit", absl::StrJoin(event.problems, "; "));
  return absl::OkStatus();
}

// --- Taking nodes out of use -----------------------------------------------------

absl::Status Core::On(const DrainRequested& event) {
  if (cluster_.Find(event.name) == nullptr)
    return absl::NotFoundError(absl::StrCat("there is no node ", event.name));
  if (event.reason.empty())
    return absl::InvalidArgumentError("reason: say why; everybody who waits for the node sees it");
  SetDrain(event.name, {event.reason, event.by, now_, event.end_time});
  if (event.evict) EvictAll(event.name, absl::StrCat("node ", event.name, ": ", event.reason));
  return absl::OkStatus();
}

void Core::SetDrain(const std::string& name, Drain drain) {
  const std::string who = drain.by.empty() ? "" : absl::StrCat(" (", drain.by, ")");
  Log(nullptr, name, "node_drained", absl::StrCat(drain.reason, who));
  cluster_.Update(name, [&](Node& node) { node.drain = drain; });
  drains_[name] = std::move(drain);
  transition_.changed_drains.insert(name);
  transition_.changed_nodes.insert(name);
  dirty_ = true;
}

absl::Status Core::On(const UndrainRequested& event) {
  if (cluster_.Find(event.name) == nullptr && !drains_.contains(event.name))
    return absl::NotFoundError(absl::StrCat("there is no node ", event.name));
  if (drains_.erase(event.name) == 0) return absl::OkStatus();
  faults_.erase(event.name);
  transition_.changed_drains.insert(event.name);
  // After a restart of the scheduler the drain is known before its node is.
  if (cluster_.Find(event.name) != nullptr) {
    cluster_.Update(event.name, [](Node& node) { node.drain.reset(); });
    transition_.changed_nodes.insert(event.name);
  }
  dirty_ = true;
  Log(nullptr, event.name, "node_undrained", "in use again");
  return absl::OkStatus();
}

void Core::EvictAll(const std::string& node, const std::string& reason) {
  const std::set<JobId> jobs = cluster_.Find(node)->jobs;
  for (const JobId id : jobs) Stop(jobs_.at(id), StopCause::kDrain, reason);
}

// One job can be at fault by itself; a node that fails jobs of several owners
// is likelier to be.
void Core::Blame(const Job& job, const Failure& failure) {
  const Node* node = cluster_.Find(failure.node);
  if (node == nullptr || node->drain.has_value()) return;
  std::vector<Fault>& faults = faults_[failure.node];
  std::erase_if(faults,
                [&](const Fault& fault) { return now_ - fault.time > options_.quarantine_window; });
  faults.push_back({now_, job.owner, job.id});
  std::set<std::string> owners, jobs;
  for (const Fault& fault : faults) {
    owners.insert(fault.owner);
    jobs.insert(absl::StrCat("j", fault.job));
  }
  if (owners.size() < 2 || static_cast<int>(faults.size()) < options_.quarantine_failures) return;
  std::string evidence;
  for (const std::string& id : jobs) absl::StrAppend(&evidence, evidence.empty() ? "" : ", ", id);
  SetDrain(failure.node,
           {absl::StrCat("quarantined: failed ", faults.size(), " attempts of ", owners.size(),
                         " owners (", evidence, "); the last: ", failure.message),
            kQuarantiner, now_, now_ + options_.quarantine_time});
}

// --- Time ------------------------------------------------------------------------

absl::Status Core::On(const Tick& event) {
  if (event.was_deaf)
    for (const auto& [name, node] : cluster_.nodes()) cluster_.Touch(name).heard = now_;
  LoseSilentNodes();
  LeaveEndingNodes();
  EndDrains();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_) {
    Job& job = jobs_.at(deadlines_.begin()->second);
    deadlines_.erase(deadlines_.begin());
    Stop(job, StopCause::kTimeLimit,
         absl::StrCat("it ran for longer than its time limit of ",
                      absl::FormatDuration(job.time_limit)));
  }
  while (!sleepers_.empty() && sleepers_.begin()->first <= now_) {
    Job& job = jobs_.at(sleepers_.begin()->second);
    sleepers_.erase(sleepers_.begin());
    if (job.state == JobState::kPending) Wait(job);
  }
  dirty_ = dirty_ || !queue_.empty() || !elastic_.empty();
  return absl::OkStatus();
}

// When most nodes fall silent at once, it is rather the scheduler that was cut
// off: they run on, and nothing is taken from them.
void Core::LoseSilentNodes() {
  std::vector<std::string> silent;
  int ready = 0;
  for (const auto& [name, node] : cluster_.nodes()) {
    if (node.state != Node::State::kReady) continue;
    ++ready;
    if (now_ - node.heard > options_.heartbeat_timeout) silent.push_back(name);
  }
  const bool cut_off = ready >= kFewestForACutOff && 2 * static_cast<int>(silent.size()) > ready;
  if (cut_off) return;
  for (const std::string& name : silent) LoseNode(name);
}

void Core::LoseNode(const std::string& name) {
  cluster_.Update(name, [](Node& node) { node.state = Node::State::kLost; });
  transition_.changed_nodes.insert(name);
  dirty_ = true;
  const std::string why = absl::StrCat("nothing heard of its agent for more than ",
                                       absl::FormatDuration(options_.heartbeat_timeout));
  Log(nullptr, name, "node_lost", why);
  const std::set<JobId> jobs = cluster_.Find(name)->jobs;
  for (const JobId id : jobs) {
    Job& job = jobs_.at(id);
    const AttemptRef ref{id, job.live()->number};
    for (Part& part : job.live()->parts) {
      if (part.node != name || part.state == Part::State::kEnded) continue;
      // For the agent that is only slow: by the time it hears this, its part
      // has been given up.
      transition_.effects.push_back(StopAttempt{name, ref, absl::ZeroDuration(), why});
      EndPart(job, part, false, NodeLost(name, why, "node_lost"));
      break;
    }
  }
  ForgetIfGone(name);
}

// Jobs leave early enough to save.
void Core::LeaveEndingNodes() {
  for (const auto& [name, node] : cluster_.nodes()) {
    if (node.end_of_life - now_ > options_.leave_before_end || node.jobs.empty()) continue;
    EvictAll(name, absl::StrCat("node ", name, " ends at ", absl::FormatTime(node.end_of_life)));
  }
}

void Core::EndDrains() {
  std::vector<std::string> over;
  for (const auto& [name, drain] : drains_)
    if (drain.end_time <= now_ && (drain.by != kQuarantiner || IsWell(cluster_.Find(name))))
      over.push_back(name);
  for (const std::string& name : over) On(UndrainRequested{name}).IgnoreError();
}

}  // namespace octet::scheduler
