// The controller's conversation with agents.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/status.h"
#include "common/version.h"
#include "google/protobuf/util/time_util.h"
#include "scheduler/server/controller.h"

namespace octet::scheduler {
namespace {

// The node's part in the job's live attempt; null: none that has not ended.
const Part* LivePart(const Job& job, const std::string& node) {
  const Attempt* live = job.live();
  if (live == nullptr) return nullptr;
  for (const Part& part : live->parts)
    if (part.node == node && part.state != Part::State::kEnded) return &part;
  return nullptr;
}

bool SameAttempt(const v1::AttemptRef& a, const v1::AttemptRef& b) {
  return a.job_id() == b.job_id() && a.attempt() == b.attempt();
}

}  // namespace

bool Controller::IsCurrent(const std::string& node,
                           const std::shared_ptr<AgentSession>& session) const {
  const auto found = sessions_.find(node);
  return found != sessions_.end() && found->second == session;
}

absl::Status Controller::ConnectAgent(const v1::AgentHello& hello,
                                      std::shared_ptr<AgentSession> session) {
  const NodeConnected event = FromProto(hello);
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(Recover());
  Change change;
  RETURN_IF_ERROR(Apply(event, change));
  AddWelcome(event, change);
  AddRendezvous(event.name, change);
  change.connects = {event.name, session};
  metrics_.CountAgentSession();
  if (const auto old = std::exchange(sessions_[event.name], std::move(session)))
    old->Close(absl::AbortedError("another connection of this agent took this one's place"));
  Submit(std::move(change));
  return absl::OkStatus();
}

// First of the messages. Attempts that are given up are named in it, instead
// of in a message each.
void Controller::AddWelcome(const NodeConnected& event, Change& change) {
  v1::SchedulerMessage message;
  v1::AgentWelcome& welcome = *message.mutable_welcome();
  *welcome.mutable_heartbeat_interval() = ToDuration(options_.heartbeat_interval);
  welcome.set_scheduler_version(Version());
  for (const AttemptRef& ref : event.running) {
    const auto job = core_->jobs().find(ref.job);
    const bool wanted = job != core_->jobs().end() &&
                        LivePart(job->second, event.name) != nullptr &&
                        job->second.live()->number == ref.attempt;
    if (wanted) continue;
    const v1::AttemptRef& unwanted = *welcome.add_unwanted() = ToProto(ref);
    std::erase_if(change.messages, [&](const Message& each) {
      return each.first == event.name && each.second.has_stop_attempt() &&
             SameAttempt(each.second.stop_attempt().ref(), unwanted);
    });
  }
  change.messages.insert(change.messages.begin(), {event.name, std::move(message)});
}

// What a node was told before its stream broke, it may not have heard.
void Controller::AddRendezvous(const std::string& node, Change& change) {
  for (const JobId id : core_->running()) {
    const Job& job = core_->jobs().at(id);
    const auto found = job.results.find(kRendezvousResult);
    if (found == job.results.end() || LivePart(job, node) == nullptr) continue;
    v1::SchedulerMessage message;
    message.mutable_rendezvous_ready()->ParseFromString(found->second);
    if (message.rendezvous_ready().ref().attempt() == job.live()->number)
      change.messages.emplace_back(node, std::move(message));
  }
}

void Controller::DropSession(const std::string& node, Change& change) {
  sessions_.erase(node);
  const auto known = core_->nodes().find(node);
  if (known == core_->nodes().end()) return;  // The core was loaded anew since.
  const auto applied = Apply(NodeDisconnected{node, known->second.agent_instance}, change);
  if (!applied.ok()) spdlog::warn("{}", std::string(applied.status().message()));
}

void Controller::DisconnectAgent(const std::string& node,
                                 const std::shared_ptr<AgentSession>& session) {
  absl::MutexLock lock(&mutex_);
  Change change;
  if (IsCurrent(node, session)) DropSession(node, change);
  change.then = [this, node, session](const absl::Status&) {
    const auto found = recipients_.find(node);
    if (found != recipients_.end() && found->second == session) recipients_.erase(found);
  };
  Submit(std::move(change));
}

void Controller::CloseAgent(const std::string& node, const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  if (const auto found = sessions_.find(node); found != sessions_.end())
    found->second->Close(status);
}

void Controller::HearAgent(const std::string& node, const std::shared_ptr<AgentSession>& session,
                           const v1::Heartbeat& heartbeat) {
  absl::MutexLock lock(&mutex_);
  if (!Recover().ok() || !IsCurrent(node, session)) return;
  Change change;
  const auto applied = Apply(
      Heartbeat{
          node, {heartbeat.problems().begin(), heartbeat.problems().end()}, heartbeat.ending()},
      change);
  // Most tell nothing new: there is nothing to store then, and nobody to tell.
  if (applied.ok() && (!applied->changed_nodes.empty() || !applied->changed.empty()))
    Submit(std::move(change));
}

void Controller::Report(const std::string& node, const std::shared_ptr<AgentSession>& session,
                        const v1::AttemptReport& report, std::function<void(bool)> stored) {
  {
    absl::MutexLock lock(&mutex_);
    // A report that is dropped here comes again on the agent's next stream.
    if (!Recover().ok() || !IsCurrent(node, session)) return;
    if (report.sequence() != 0) {
      Change change;
      const bool took_effect = ApplyReport(node, report, change);
      change.then = [session, sequence = report.sequence(), took_effect,
                     stored = std::move(stored)](const absl::Status& status) {
        if (!status.ok()) return;
        if (stored) stored(took_effect);
        v1::SchedulerMessage ack;
        ack.mutable_report_ack()->set_sequence(sequence);
        session->Send(std::move(ack));
      };
      return Submit(std::move(change));
    }
  }
  if (report.has_progress() && report.progress().has_remaining()) {
    absl::MutexLock lock(&mutex_);
    const RemainingMeasured event{
        FromProto(report.ref()), node,
        absl::Nanoseconds(google::protobuf::util::TimeUtil::DurationToNanoseconds(
            report.progress().remaining()))};
    // Nothing of it is stored, and a report that is fenced off has no effect.
    core_->Apply(event, Now(), Core::Pass::kLater).IgnoreError();
  }
  if (report.has_progress() && report.progress().top1() > 0) MeasureFigure(node, report);
  // Without the lock: watchers are woken in this thread, and ask for the job.
  if (report.has_progress() && board_.ShowProgress(FromProto(report.ref()), report.progress()))
    notifier_.Notify(report.ref().job_id());
}

// The figure that a sweep compares; only a rung that is reached is stored.
void Controller::MeasureFigure(const std::string& node, const v1::AttemptReport& report) {
  const v1::TrainProgress& progress = report.progress();
  absl::MutexLock lock(&mutex_);
  Change change;
  const auto applied = Apply(FigureMeasured{.ref = FromProto(report.ref()),
                                            .node = node,
                                            .epochs = progress.epoch(),
                                            .figure = progress.top1()},
                             change);
  if (applied.ok() && !applied->changed.empty()) Submit(std::move(change));
}

bool Controller::ApplyReport(const std::string& node, const v1::AttemptReport& report,
                             Change& change) {
  const std::optional<Event> event = FromProto(report, node);
  if (!event) return false;
  if (const auto* ended = std::get_if<PartEnded>(&*event)) KeepProgress(*ended, change);
  const auto applied = Apply(*event, change);
  if (!applied.ok()) {
    spdlog::info("node {}: {}", node, std::string(applied.status().message()));
    return false;
  }
  if (report.has_rendezvous_endpoint()) {
    const Job& job = core_->jobs().at(FromProto(report.ref()).job);
    for (const Part& part : job.live()->parts)
      if (part.node != node) {
        v1::SchedulerMessage message;
        message.mutable_rendezvous_ready()->ParseFromString(job.results.at(kRendezvousResult));
        change.messages.emplace_back(part.node, std::move(message));
      }
  }
  return true;
}

// Progress lives in memory; the last of an attempt is kept with the job.
void Controller::KeepProgress(const PartEnded& event, Change& change) {
  const auto view = board_.Find(event.ref.job);
  if (!view.ok() || !view->progress || view->job.attempts.empty() ||
      view->job.attempts.back().number != event.ref.attempt)
    return;
  const auto applied = Apply(
      ResultReported{event.ref, event.node, kProgressResult, view->progress->SerializeAsString()},
      change);
  // The end of a part that is refused for the same reason says so.
  if (!applied.ok()) spdlog::debug("{}", std::string(applied.status().message()));
}

}  // namespace octet::scheduler
