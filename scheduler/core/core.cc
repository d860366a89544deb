#include "scheduler/core/core.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "scheduler/core/retry.h"

namespace octet::scheduler {
namespace {

constexpr int kMostArrayJobs = 10000;

std::vector<std::string> InputsOf(const Job& job) {
  std::vector<std::string> inputs;
  if (job.current_stage().name == "train")
    for (const Checkpoint& checkpoint : job.checkpoints) inputs.push_back(checkpoint.artifact);
  else if (job.stage > 0)
    inputs.push_back("model.onnx");
  return inputs;
}

// Of what no cluster could hold: in the queue it would be in the way for ever.
absl::Status Check(const Gang& gang) {
  if (gang.slots <= 0)
    return absl::InvalidArgumentError(absl::StrCat("slots is ", gang.slots, ", must be > 0"));
  if (gang.nodes < 0 || (gang.nodes > 0 && gang.slots % gang.nodes != 0))
    return absl::InvalidArgumentError(
        absl::StrCat(gang.slots, " slots cannot be shared out evenly over ", gang.nodes, " nodes"));
  if (gang.min_slots < 0 || gang.min_slots > gang.slots)
    return absl::InvalidArgumentError(absl::StrCat(
        "min_slots is ", gang.min_slots, ", must be from 1 to slots, which is ", gang.slots));
  if (gang.elastic() && gang.nodes > 0)
    return absl::InvalidArgumentError(
        "min_slots and nodes: an elastic gang takes the nodes it finds; leave nodes out");
  if (SizesOf(gang, 0).empty())
    return absl::InvalidArgumentError(absl::StrCat("no size from ", gang.min_slots, " to ",
                                                   gang.slots, " slots divides ", gang.divides));
  return absl::OkStatus();
}

Failure StoppedElsewhere(const Attempt& attempt) {
  Failure failure{.failure_class = FailureClass::kNodeLost,
                  .message =
                      "its ranks were stopped, not by the scheduler: an agent was shut "
                      "down, or the ranks were sent SIGTERM"};
  if (attempt.parts.size() == 1) failure.node = attempt.parts.front().node;
  return failure;
}

const char* ConditionText(Dependency::Condition condition) {
  switch (condition) {
    case Dependency::Condition::kSucceeded:
      return "succeeded";
    case Dependency::Condition::kFailed:
      return "failed";
    case Dependency::Condition::kEnded:
      return "ended";
  }
  return "";
}

}  // namespace

absl::Time Job::expected_end() const {
  const Attempt* attempt = live();
  if (attempt == nullptr) return absl::InfiniteFuture();
  return std::min(measured_end, attempt->start_time + time_limit);
}

// --- Making and copying -------------------------------------------------------

Core::Core(CoreOptions options, std::vector<Job> jobs, absl::Time now,
           std::map<std::string, Drain> drains)
    : options_(std::move(options)),
      policies_(MakePolicies(options_.policies).value_or(PolicySet{})),
      teams_(options_.teams, options_.fair_share_half_life),
      drains_(std::move(drains)),
      now_(now) {
  for (Job& job : jobs) Restore(std::move(job));
  // What the jobs wait for is known only now.
  for (auto& [id, job] : jobs_)
    if (job.state == JobState::kPending) Wait(job);
  transition_ = {};
  dirty_ = false;
}

void Core::Restore(Job stored) {
  next_id_ = std::max(next_id_, stored.id + 1);
  Job& job = jobs_.emplace(stored.id, std::move(stored)).first->second;
  for (const Attempt& attempt : job.attempts)
    teams_.Remember(job.team, attempt.slots(), attempt.start_time, attempt.end_time, now_);
  if (job.state == JobState::kPending) ++pending_, ++teams_.Get(job.team).pending;
  const Attempt* live = job.live();
  if (live == nullptr) return;
  NoteEnd(job);
  running_.insert(job.id);
  if (live->state == AttemptState::kStopping) stopping_.insert(job.id);
  if (job.current_stage().gang.elastic()) elastic_.insert(job.id);
  if (job.array != kNoJob) ++array_running_[job.array];
  Team& team = teams_.Get(job.team);
  ++team.running;
  ++team.running_by_priority[job.priority];
  for (const Part& part : live->parts) {
    if (part.state == Part::State::kEnded) continue;
    team.used[live->resource] += static_cast<int>(part.slot_indices.size());
    cluster_.Update(part.node, [&](Node& node) {
      node.agent_instance = part.agent_instance;
      node.heard = now_;
      node.jobs.insert(job.id);
    });
  }
}

absl::StatusOr<Transition> Core::Apply(const Event& event, absl::Time now, Pass pass) {
  now_ = now;
  transition_ = {};
  absl::Status status = std::visit([this](const auto& e) { return On(e); }, event);
  if (!status.ok()) return status;
  if (dirty_ && pass == Pass::kNow) Schedule();
  return std::exchange(transition_, {});
}

// --- Jobs ---------------------------------------------------------------------

absl::StatusOr<Job*> Core::FindJob(JobId id) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return absl::NotFoundError(absl::StrCat("there is no job j", id));
  return &found->second;
}

absl::Status Core::Check(const JobSubmitted& event) const {
  if (event.stages.empty()) return absl::InvalidArgumentError("a job needs a stage");
  for (const Stage& stage : event.stages)
    RETURN_IF_ERROR(Annotate(octet::scheduler::Check(stage.gang), stage.name));
  for (const auto& variant : event.variants)
    for (const Stage& stage : variant.stages)
      RETURN_IF_ERROR(Annotate(octet::scheduler::Check(stage.gang), stage.name));
  if (event.count < 1 || event.count > kMostArrayJobs)
    return absl::InvalidArgumentError(
        absl::StrCat("array.size is ", event.count, ", must be from 1 to ", kMostArrayJobs));
  if (!event.variants.empty() && event.variants.size() != static_cast<size_t>(event.count))
    return absl::InvalidArgumentError(
        absl::StrCat(event.variants.size(), " variants for ", event.count, " jobs"));
  RETURN_IF_ERROR(teams_.Check(event.team));
  for (const Dependency& dependency : event.after)
    if (!jobs_.contains(dependency.job))
      return absl::NotFoundError(absl::StrCat("after: there is no job j", dependency.job));
  return absl::OkStatus();
}

Job& Core::AddJob(const JobSubmitted& event, JobId array, int index) {
  Job job{.id = next_id_++,
          .name = event.count > 1 ? absl::StrCat(event.name, "-", index) : event.name,
          .owner = event.owner,
          .team = event.team,
          .spec = event.spec,
          .stages = event.stages,
          .max_restarts = event.max_restarts,
          .priority = event.priority,
          .time_limit = event.time_limit,
          .after = event.after,
          .array_index = index,
          .array_max_running = event.max_running,
          .held = event.held,
          .create_time = now_};
  if (!event.variants.empty()) {
    const JobSubmitted::Variant& variant = event.variants[index];
    job.spec = variant.spec;
    job.stages = variant.stages;
    job.early_stop = variant.early_stop;
  }
  if (event.held) job.reason = "submitted held";
  if (event.count > 1) job.array = array == kNoJob ? job.id : array;
  const JobId id = job.id;
  return jobs_.emplace(id, std::move(job)).first->second;
}

absl::Status Core::On(const JobSubmitted& event) {
  RETURN_IF_ERROR(Check(event));
  for (int index = 0; index < event.count; ++index) {
    Job& job = AddJob(event, transition_.created, index);
    if (index == 0) transition_.created = job.id;
    ++pending_;
    ++teams_.Get(job.team).pending;
    Log(&job, "", "created", absl::StrCat("submitted by ", job.owner));
    Wait(job);
  }
  return absl::OkStatus();
}

absl::Status Core::On(const CancelRequested& event) {
  ASSIGN_OR_RETURN(Job * job, FindJob(event.job));
  if (IsFinal(job->state) || job->cancel_requested) return absl::OkStatus();
  job->cancel_requested = true;
  job->reason = event.reason.empty() ? "cancelled" : absl::StrCat("cancelled: ", event.reason);
  Log(job, "", "cancel_requested", job->reason);
  if (job->live() == nullptr) {
    Finish(*job, JobState::kCancelled, job->reason);
  } else {
    Stop(*job, StopCause::kCancel, job->reason);
  }
  return absl::OkStatus();
}

absl::Status Core::On(const HoldRequested& event) {
  ASSIGN_OR_RETURN(Job * job, FindJob(event.job));
  if (IsFinal(job->state))
    return absl::FailedPreconditionError(absl::StrCat("job j", event.job, " has ended"));
  job->held = true;
  job->reason = event.reason.empty() ? "held" : absl::StrCat("held: ", event.reason);
  Log(job, "", "held", job->reason);
  if (job->state == JobState::kPending) Wait(*job);
  return absl::OkStatus();
}

absl::Status Core::On(const ReleaseRequested& event) {
  ASSIGN_OR_RETURN(Job * job, FindJob(event.job));
  if (!job->held || IsFinal(job->state)) return absl::OkStatus();
  job->held = false;
  job->reason.clear();
  Log(job, "", "released", "may start");
  if (job->state == JobState::kPending) Wait(*job);
  return absl::OkStatus();
}

absl::Status Core::On(const RequeueRequested& event) {
  ASSIGN_OR_RETURN(Job * job, FindJob(event.job));
  if (job->live() == nullptr)
    return absl::FailedPreconditionError(absl::StrCat("job j", event.job, " does not run"));
  Stop(*job, StopCause::kRequeue,
       event.reason.empty() ? "requeued" : absl::StrCat("requeued: ", event.reason));
  return absl::OkStatus();
}

bool Core::DependencyMet(const Dependency& dependency) const {
  const JobState state = jobs_.at(dependency.job).state;
  switch (dependency.condition) {
    case Dependency::Condition::kSucceeded:
      return state == JobState::kSucceeded;
    case Dependency::Condition::kFailed:
      return state == JobState::kFailed || state == JobState::kCancelled;
    case Dependency::Condition::kEnded:
      return IsFinal(state);
  }
  return false;
}

const Dependency* Core::HopelessDependency(const Job& job) const {
  for (const Dependency& dependency : job.after)
    if (IsFinal(jobs_.at(dependency.job).state) && !DependencyMet(dependency)) return &dependency;
  return nullptr;
}

// To the queue, or to whatever it has to wait for before it gets there.
void Core::Wait(Job& job) {
  job.state = JobState::kPending;
  queue_.Erase(job.id);
  transition_.changed.insert(job.id);
  dirty_ = true;
  if (const Dependency* hopeless = HopelessDependency(job)) {
    return Finish(job, JobState::kCancelled,
                  absl::StrCat("it was to start after job j", hopeless->job, " had ",
                               ConditionText(hopeless->condition), ", which will not be"));
  }
  bool ready = !job.held;
  for (const Dependency& dependency : job.after) {
    if (DependencyMet(dependency)) continue;
    dependents_[dependency.job].insert(job.id);
    ready = false;
  }
  if (job.not_before > now_) {
    sleepers_.emplace(job.not_before, job.id);
    ready = false;
  }
  if (ready) queue_.Insert(job, KeyOf(job));
}

QueueKey Core::KeyOf(const Job& job) const {
  QueueKey key{.id = job.id};
  // What has begun goes on first: a next stage, or a job that was stopped only
  // to go on with another size. Not one that was stopped for another's sake: it
  // would take back what the other is to have, and be stopped again.
  const StopCause last = job.attempts.empty() ? StopCause::kNone : job.attempts.back().stop_cause;
  const bool begun = last == StopCause::kResize || (job.stage > 0 && last != StopCause::kPreempt);
  key.rank[0] = begun ? 0 : 1;
  for (size_t i = 0; i < policies_.size(); ++i) key.rank[i + 1] = policies_[i]->JobRank(job);
  return key;
}

void Core::Finish(Job& job, JobState state, const std::string& reason) {
  if (job.state == JobState::kPending) --pending_, --teams_.Get(job.team).pending;
  queue_.Erase(job.id);
  room_tried_.erase(job.id);
  job.state = state;
  job.reason = reason;
  job.end_time = now_;
  dirty_ = true;  // It may have stood in the way.
  const char* type = state == JobState::kSucceeded ? "succeeded"
                     : state == JobState::kFailed  ? "failed"
                                                   : "cancelled";
  Log(&job, "", type, reason);
  SettleDependents(job.id);
}

void Core::SettleDependents(JobId ended) {
  const auto found = dependents_.find(ended);
  if (found == dependents_.end()) return;
  const std::set<JobId> waiting = std::move(found->second);
  dependents_.erase(found);
  for (const JobId id : waiting)
    if (Job& job = jobs_.at(id); job.state == JobState::kPending) Wait(job);
}

// --- Starting -------------------------------------------------------------------

void Core::StartAttemptOf(Job& job, const std::string& resource, std::vector<NodeShare> shares) {
  Attempt attempt{.number = static_cast<int>(job.attempts.size()) + 1,
                  .stage = job.current_stage().name,
                  .start_time = now_,
                  .resource = resource};
  int rank = 0;
  for (NodeShare& share : shares) {
    const int slots = static_cast<int>(share.slot_indices.size());
    attempt.parts.push_back({.node = share.node,
                             .agent_instance = cluster_.Find(share.node)->agent_instance,
                             .first_rank = std::exchange(rank, rank + slots),
                             .slot_indices = std::move(share.slot_indices),
                             .endpoints = std::move(share.endpoints)});
  }
  queue_.Erase(job.id);
  room_tried_.erase(job.id);
  job.attempts.push_back(std::move(attempt));
  job.state = JobState::kRunning;
  job.start_time = std::min(job.start_time, now_);
  job.measured_end = absl::InfiniteFuture();
  job.saved_time = absl::InfinitePast();
  Team& team = teams_.Get(job.team);
  --pending_, --team.pending, ++team.running, ++team.running_by_priority[job.priority];
  teams_.Use(job.team, resource, rank, now_);
  running_.insert(job.id);
  if (job.current_stage().gang.elastic()) elastic_.insert(job.id);
  if (job.array != kNoJob) ++array_running_[job.array];
  NoteEnd(job);
  for (const Part& part : job.attempts.back().parts) {
    cluster_.Hold(job.id, part);
    transition_.changed_nodes.insert(part.node);
    TellToStart(job, part);
  }
  Log(&job, "", "started",
      absl::StrCat("attempt ", job.attempts.back().number, " (", job.attempts.back().stage, ") on ",
                   rank, rank == 1 ? " slot" : " slots"));
}

void Core::TellToStart(const Job& job, const Part& part) {
  const Attempt& attempt = *job.live();
  transition_.effects.push_back(StartAttempt{.node = part.node,
                                             .ref = {job.id, attempt.number},
                                             .stage = attempt.stage,
                                             .world_size = attempt.slots(),
                                             .first_rank = part.first_rank,
                                             .slot_indices = part.slot_indices,
                                             .inputs = InputsOf(job),
                                             .single_node = attempt.parts.size() == 1});
}

// Keeps ends_ and deadlines_ in step with the job's live attempt.
void Core::NoteEnd(const Job& job) {
  const absl::Time end = stopping_.contains(job.id)
                             ? std::min(job.expected_end(), now_ + options_.stop_grace)
                             : job.expected_end();
  const auto known = end_of_.find(job.id);
  if (known != end_of_.end()) {
    // A measured end moves a little all the time.
    const absl::Duration moved = known->second - end;
    if (moved < absl::Seconds(10) && moved > -absl::Seconds(10)) return;
    ends_.erase({known->second, job.id});
    end_of_.erase(known);
  }
  if (end != absl::InfiniteFuture()) {
    ends_.emplace(end, job.id);
    end_of_.emplace(job.id, end);
  }
  if (job.time_limit != absl::InfiniteDuration())
    deadlines_.emplace(job.live()->start_time + job.time_limit, job.id);
}

void Core::ForgetRunning(const Job& job) {
  running_.erase(job.id);
  stopping_.erase(job.id);
  elastic_.erase(job.id);
  if (const auto known = end_of_.find(job.id); known != end_of_.end()) {
    ends_.erase({known->second, job.id});
    end_of_.erase(known);
  }
  const Attempt& attempt = job.attempts.back();
  deadlines_.erase({attempt.start_time + job.time_limit, job.id});
  if (job.array != kNoJob && --array_running_[job.array] == 0) array_running_.erase(job.array);
  Team& team = teams_.Get(job.team);
  --team.running;
  if (--team.running_by_priority[job.priority] == 0) team.running_by_priority.erase(job.priority);
}

// --- Ending ---------------------------------------------------------------------

// A stop that is under way only changes its cause when the new one is stronger:
// whoever wants the job to end wins over those who want it to go on elsewhere.
void Core::Stop(Job& job, StopCause cause, const std::string& reason) {
  Attempt& attempt = *job.live();
  const bool stopping = attempt.state == AttemptState::kStopping;
  if (!stopping || cause == StopCause::kCancel || cause == StopCause::kFailure ||
      cause == StopCause::kTimeLimit) {
    attempt.stop_cause = cause;
    attempt.stop_reason = reason;
  } else {
    return;
  }
  attempt.state = AttemptState::kStopping;
  stopping_.insert(job.id);
  NoteEnd(job);
  transition_.changed.insert(job.id);
  for (const Part& part : attempt.parts) TellToStop(job, part);
}

void Core::TellToStop(const Job& job, const Part& part) {
  if (part.state == Part::State::kEnded) return;
  const Attempt& attempt = *job.live();
  transition_.effects.push_back(StopAttempt{
      part.node,
      {job.id, attempt.number},
      attempt.stop_cause == StopCause::kFailure ? options_.failure_grace : options_.stop_grace,
      attempt.stop_reason});
}

void Core::EndPart(Job& job, Part& part, bool succeeded, std::optional<Failure> failure) {
  Attempt& attempt = *job.live();
  part.state = Part::State::kEnded;
  part.succeeded = succeeded;
  cluster_.Free(job.id, part);
  teams_.Use(job.team, attempt.resource, -static_cast<int>(part.slot_indices.size()), now_);
  transition_.changed.insert(job.id);
  transition_.changed_nodes.insert(part.node);
  dirty_ = true;
  // The first cause counts, but an echo of another rank's failure is no cause.
  if (failure.has_value() && (!attempt.failure.has_value() || attempt.failure->secondary))
    attempt.failure = std::move(failure);
  if (attempt.AllPartsAre(Part::State::kEnded)) return EndAttempt(job);
  if (!succeeded && attempt.state != AttemptState::kStopping)
    Stop(job, StopCause::kFailure,
         attempt.failure.has_value() ? attempt.failure->message : "another node stopped");
}

void Core::EndAttempt(Job& job) {
  Attempt& attempt = *job.live();
  const bool succeeded = std::all_of(attempt.parts.begin(), attempt.parts.end(),
                                     [](const Part& part) { return part.succeeded; });
  attempt.end_time = now_;
  ForgetRunning(job);
  if (succeeded) {
    attempt.state = AttemptState::kSucceeded;
    attempt.failure.reset();
    // A cancel that came too late for the last stage does not undo its work.
    if (job.stage + 1 == job.stages.size()) return Finish(job, JobState::kSucceeded, "");
  } else {
    attempt.state = job.cancel_requested ? AttemptState::kCancelled : AttemptState::kFailed;
  }
  if (job.cancel_requested) return Finish(job, JobState::kCancelled, job.reason);
  if (!succeeded) return AfterStop(job);
  ++pending_, ++teams_.Get(job.team).pending;
  ++job.stage;
  job.restarts = 0;
  job.most_slots = 0;
  Wait(job);
}

// What a stop was for decides what comes next; without one it is a failure.
void Core::AfterStop(Job& job) {
  Attempt& attempt = job.attempts.back();
  const char* type = nullptr;
  switch (attempt.stop_cause) {
    case StopCause::kNone:
    case StopCause::kFailure:
    case StopCause::kCancel:
      return AfterFailure(job);
    case StopCause::kTimeLimit:
      attempt.failure = Failure{.failure_class = FailureClass::kTimeLimit,
                                .message = attempt.stop_reason,
                                .cause = "time_limit"};
      return AfterFailure(job);
    case StopCause::kPreempt:
      ++job.preemptions;
      type = "preempted";
      break;
    case StopCause::kResize:
      type = "resized";
      break;
    case StopCause::kRequeue:
    case StopCause::kDrain:
      type = "requeued";
      break;
  }
  attempt.state = AttemptState::kCancelled;
  ++pending_, ++teams_.Get(job.team).pending;
  Log(&job, "", type, attempt.stop_reason);
  Wait(job);
}

void Core::AfterFailure(Job& job) {
  Attempt& attempt = job.attempts.back();
  // Its ranks saved and left, though nobody here had asked: their agent is
  // ending, or somebody sent them SIGTERM. Not the job's doing.
  const bool was_stopped = !attempt.failure.has_value();
  if (was_stopped) attempt.failure = StoppedElsewhere(attempt);
  const Failure& failure = *attempt.failure;
  const RetryRule rule = RuleFor(failure.failure_class);
  const bool counts = rule.counts && !was_stopped;
  if (rule.blames_node && !was_stopped && !failure.secondary) Blame(job, failure);
  const bool over = (counts && job.restarts >= job.max_restarts) ||
                    (rule.limit > 0 && CountFailures(job, failure.failure_class) >= rule.limit);
  if (!rule.again || over) {
    job.failure = failure;
    return Finish(job, JobState::kFailed, failure.message);
  }
  if (counts) ++job.restarts;
  if (!was_stopped) job.not_before = now_ + DelayAfter(job, rule);
  ++pending_, ++teams_.Get(job.team).pending;
  Log(&job, failure.node, "restarting",
      absl::StrCat("attempt ", attempt.number, " failed: ", failure.message, "; ",
                   counts ? absl::StrCat("restart ", job.restarts, " of at most ", job.max_restarts)
                          : "not counted as a restart"));
  Wait(job);
}

void Core::Log(const Job* job, const std::string& node, const std::string& type,
               std::string message) {
  HistoryLine line{.time = now_, .node = node, .type = type, .message = std::move(message)};
  if (job != nullptr) {
    line.job = job->id;
    line.attempt = job->attempts.empty() ? 0 : job->attempts.back().number;
    transition_.changed.insert(job->id);
  }
  transition_.history.push_back(std::move(line));
}

}  // namespace octet::scheduler
