// What owners and operators ask of the controller beyond making and ending jobs.
#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "scheduler/server/controller.h"

namespace octet::scheduler {
namespace {

constexpr size_t kMostAhead = 10;
constexpr int kLastSignal = 64;

}  // namespace

absl::StatusOr<v1::WhyJobResponse> Controller::Why(const std::string& job_id,
                                                   const OtherWishes& wishes) const {
  ASSIGN_OR_RETURN(const JobId id, ParseJobId(job_id));
  ASSIGN_OR_RETURN(const JobView view, GetJob(job_id));
  v1::WhyJobResponse why;
  *why.mutable_job() = ToProto(view);
  if (view.job.state != JobState::kPending) return why;
  // On a copy, so that others wait for no more than that it is made.
  std::optional<Core> copy;
  {
    absl::MutexLock lock(&mutex_);
    copy = *core_;
  }
  ASSIGN_OR_RETURN(Core core, WhatIf(*std::move(copy), id, wishes));
  const Job& job = core.jobs().at(id);
  for (const PendingReason& reason : core.ReasonsOf(job)) *why.add_reasons() = ToProto(reason);
  std::vector<JobId> ahead;
  why.set_position(core.PositionOf(job, &ahead));
  why.set_queue_length(static_cast<int>(core.queue().size()));
  if (ahead.size() > kMostAhead) ahead.erase(ahead.begin(), ahead.end() - kMostAhead);
  for (const JobId each : ahead) why.add_ahead(FormatJobId(each));
  const StartEstimate estimate = EstimateStart(std::move(core), id, Now());
  why.set_no_estimate(estimate.unknown);
  if (estimate.unknown.empty()) *why.mutable_estimated_start_time() = ToTimestamp(estimate.time);
  return why;
}

absl::StatusOr<const Attempt*> Controller::FindCommand(const std::string& job_id) const {
  ASSIGN_OR_RETURN(const JobId id, ParseJobId(job_id));
  const auto job = core_->jobs().find(id);
  if (job == core_->jobs().end())
    return absl::NotFoundError(
        absl::StrCat("there is no job ", job_id, "; `octet jobs` lists them"));
  const Attempt* live = job->second.live();
  if (live == nullptr || live->state == AttemptState::kStarting)
    return absl::FailedPreconditionError(absl::StrCat("job ", job_id, " does not run now"));
  if (live->stage != "command")
    return absl::FailedPreconditionError(
        absl::StrCat("job ", job_id, " is no command; `octet cancel` ends it"));
  return live;
}

absl::Status Controller::SignalJob(const std::string& job_id, int signal) {
  if (signal < 1 || signal > kLastSignal)
    return absl::InvalidArgumentError(
        absl::StrCat("signal: ", signal, " is not in [1, ", kLastSignal, "]"));
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(Recover());
  ASSIGN_OR_RETURN(const Attempt* attempt, FindCommand(job_id));
  v1::SchedulerMessage message;
  message.mutable_signal_attempt()->mutable_ref()->set_job_id(job_id);
  message.mutable_signal_attempt()->mutable_ref()->set_attempt(attempt->number);
  message.mutable_signal_attempt()->set_signal(signal);
  Change change;
  for (const Part& part : attempt->parts) change.messages.emplace_back(part.node, message);
  return SendNow(std::move(change));
}

absl::Status Controller::SendInput(const v1::SendInputRequest& request) {
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(Recover());
  ASSIGN_OR_RETURN(const Attempt* attempt, FindCommand(request.job_id()));
  v1::SchedulerMessage message;
  v1::AttemptInput& input = *message.mutable_input();
  input.mutable_ref()->set_job_id(request.job_id());
  input.mutable_ref()->set_attempt(attempt->number);
  input.set_offset(request.offset());
  input.set_data(request.data());
  input.set_end(request.end());
  Change change;
  change.messages.emplace_back(attempt->parts.front().node, std::move(message));
  return SendNow(std::move(change));
}

// Nothing of it is stored, but it goes the way of all messages: an agent that
// has just connected gets its welcome first.
absl::Status Controller::SendNow(Change change) {
  for (const auto& [node, message] : change.messages)
    if (!sessions_.contains(node))
      return absl::UnavailableError(absl::StrCat("node ", node, " is not connected now"));
  Submit(std::move(change));
  return absl::OkStatus();
}

// --- Nodes and teams ----------------------------------------------------------

absl::StatusOr<Node> Controller::FindNode(const std::string& name) const {
  absl::MutexLock lock(&mutex_);
  const auto node = core_->nodes().find(name);
  if (node == core_->nodes().end())
    return absl::NotFoundError(absl::StrCat("there is no node ", name));
  return node->second;
}

absl::StatusOr<Node> Controller::DrainNode(const DrainRequested& request) {
  RETURN_IF_ERROR(Do(request));
  return FindNode(request.name);
}

absl::StatusOr<Node> Controller::UndrainNode(const std::string& node) {
  RETURN_IF_ERROR(Do(UndrainRequested{node}));
  return FindNode(node);
}

std::vector<v1::Team> Controller::ListTeams() const {
  absl::MutexLock lock(&mutex_);
  std::vector<v1::Team> teams;
  for (const auto& [name, team] : core_->teams().all())
    teams.push_back(ToProto(name, team, core_->teams().MeanSlots(team, Now())));
  return teams;
}

}  // namespace octet::scheduler
