#include "scheduler/server/codec.h"

#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/text.h"
#include "google/protobuf/util/time_util.h"
#include "scheduler/server/job_spec.h"
#include "scheduler/server/sweep.h"

namespace octet::scheduler {
namespace {

using google::protobuf::util::TimeUtil;

// Members of a core enum, of the API's, and the word for it.
struct JobStateEntry {
  JobState state;
  v1::JobState proto;
  const char* name;
};
constexpr JobStateEntry kJobStates[] = {
    {JobState::kPending, v1::JOB_STATE_PENDING, "pending"},
    {JobState::kRunning, v1::JOB_STATE_RUNNING, "running"},
    {JobState::kSucceeded, v1::JOB_STATE_SUCCEEDED, "succeeded"},
    {JobState::kFailed, v1::JOB_STATE_FAILED, "failed"},
    {JobState::kCancelled, v1::JOB_STATE_CANCELLED, "cancelled"},
};

struct AttemptStateEntry {
  AttemptState state;
  v1::AttemptState proto;
};
constexpr AttemptStateEntry kAttemptStates[] = {
    {AttemptState::kStarting, v1::ATTEMPT_STATE_STARTING},
    {AttemptState::kRunning, v1::ATTEMPT_STATE_RUNNING},
    {AttemptState::kStopping, v1::ATTEMPT_STATE_STOPPING},
    {AttemptState::kSucceeded, v1::ATTEMPT_STATE_SUCCEEDED},
    {AttemptState::kFailed, v1::ATTEMPT_STATE_FAILED},
    {AttemptState::kCancelled, v1::ATTEMPT_STATE_CANCELLED},
};

// The entry whose `member` is `value`; the first one for a value from outside
// that is none.
template <typename Entry, size_t n, typename T>
const Entry& Find(const Entry (&entries)[n], T Entry::*member, T value) {
  for (const Entry& entry : entries)
    if (entry.*member == value) return entry;
  return entries[0];
}

PartEnded ToPartEnded(const v1::RanksEnded& ended, const AttemptRef& ref, const std::string& node) {
  PartEnded event{.ref = ref, .node = node, .succeeded = ended.succeeded()};
  if (ended.has_failure()) {
    event.failure = FromProto(ended.failure());
    if (event.failure->node.empty()) event.failure->node = node;
  } else if (!ended.succeeded() && !ended.stopped()) {
    event.failure = Failure{.failure_class = FailureClass::kRankLost,
                            .message = absl::StrCat("ranks on ", node, " ended without a reason"),
                            .node = node};
  }
  return event;
}

v1::Attempt ToAttempt(const Attempt& attempt) {
  v1::Attempt proto;
  proto.set_attempt(attempt.number);
  proto.set_stage(attempt.stage);
  proto.set_state(ToProto(attempt.state));
  *proto.mutable_start_time() = ToTimestamp(attempt.start_time);
  if (attempt.end_time != absl::InfiniteFuture())
    *proto.mutable_end_time() = ToTimestamp(attempt.end_time);
  for (const Part& part : attempt.parts) {
    v1::Placement& placement = *proto.add_placements();
    placement.set_node(part.node);
    placement.set_first_rank(part.first_rank);
    placement.set_slots(part.slot_indices.size());
  }
  if (attempt.failure) *proto.mutable_failure() = ToProto(*attempt.failure);
  proto.set_resumed_step(attempt.resumed_step);
  return proto;
}

// What agents reported, in the order of the job's targets.
void AddResults(const JobView& view, v1::Job& proto) {
  const std::map<std::string, std::string>& results = view.job.results;
  const Attempt* live = view.job.live();
  if (view.progress) {
    *proto.mutable_progress() = *view.progress;
  } else if (live == nullptr || live->stage != "train") {
    // A training that has just started again is not as far as the last one was.
    if (const auto found = results.find(kProgressResult); found != results.end())
      proto.mutable_progress()->ParseFromString(found->second);
  }
  if (const auto found = results.find(kTrainResult); found != results.end())
    proto.mutable_train_result()->ParseFromString(found->second);
  for (const std::string& target : proto.spec().export_().targets())
    if (const auto found = results.find(kTargetResultPrefix + target); found != results.end())
      proto.add_targets()->ParseFromString(found->second);
}

Gang ToGang(const v1::GangSpec& spec) {
  return {.slots = spec.slots(),
          .nodes = spec.nodes(),
          .resource = spec.resource(),
          .min_slots = spec.min_slots()};
}

Dependency ToDependency(const v1::DependencySpec& spec) {
  return {
      .job = ParseJobId(spec.job_id()).value_or(kNoJob),
      .condition = ParseCondition(spec.condition()).value_or(Dependency::Condition::kSucceeded)};
}

std::vector<Stage> StagesOf(const v1::JobSpec& spec) {
  std::vector<Stage> stages;
  if (spec.has_train()) {
    Gang gang = ToGang(spec.train().gang());
    if (gang.elastic()) gang.divides = spec.train().batch_size();
    stages.push_back({.name = "train", .gang = gang, .saves = true});
  }
  // An export computes on one slot, of the kind that the training had.
  if (spec.has_export_())
    stages.push_back(
        {.name = "export",
         .gang = {.slots = 1, .nodes = 1, .resource = spec.train().gang().resource()}});
  if (spec.has_command())
    stages.push_back({.name = "command", .gang = ToGang(spec.command().gang())});
  return stages;
}

}  // namespace

std::string FormatJobId(JobId id) { return absl::StrCat("j", id); }

absl::StatusOr<JobId> ParseJobId(const std::string& text) {
  absl::string_view digits = text;
  JobId id = kNoJob;
  if (absl::ConsumePrefix(&digits, "j") && absl::SimpleAtoi(digits, &id) && id > 0 &&
      FormatJobId(id) == text)
    return id;
  return absl::NotFoundError(
      absl::StrCat("there is no job \"", text, "\"; `octet jobs` lists them"));
}

std::string Name(JobState state) { return Find(kJobStates, &JobStateEntry::state, state).name; }

absl::StatusOr<JobState> ParseJobState(const std::string& name) {
  std::vector<std::string> names;
  for (const JobStateEntry& entry : kJobStates) {
    if (name == entry.name) return entry.state;
    names.push_back(entry.name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("there is no state \"", name, "\"; there are: ", absl::StrJoin(names, ", ")));
}

v1::JobState ToProto(JobState state) {
  return Find(kJobStates, &JobStateEntry::state, state).proto;
}

JobState FromProto(v1::JobState state) {
  return Find(kJobStates, &JobStateEntry::proto, state).state;
}

v1::AttemptState ToProto(AttemptState state) {
  return Find(kAttemptStates, &AttemptStateEntry::state, state).proto;
}

AttemptState FromProto(v1::AttemptState state) {
  return Find(kAttemptStates, &AttemptStateEntry::proto, state).state;
}

v1::Failure ToProto(const Failure& failure) {
  v1::Failure proto;
  // The two enums have the same members in the same order.
  proto.set_failure_class(static_cast<v1::FailureClass>(failure.failure_class));
  proto.set_message(failure.message);
  proto.set_rank(failure.rank);
  proto.set_node(failure.node);
  proto.set_exit_code(failure.exit_code);
  proto.set_signal(failure.signal);
  for (const std::string& line : failure.stderr_tail) proto.add_stderr_tail(line);
  proto.set_secondary(failure.secondary);
  proto.set_cause(failure.cause);
  return proto;
}

Failure FromProto(const v1::Failure& failure) {
  const bool known = v1::FailureClass_IsValid(failure.failure_class());
  return {.failure_class = known ? static_cast<FailureClass>(failure.failure_class())
                                 : FailureClass::kUnspecified,
          .message = failure.message(),
          .rank = failure.rank(),
          .node = failure.node(),
          .exit_code = failure.exit_code(),
          .signal = failure.signal(),
          .stderr_tail = {failure.stderr_tail().begin(), failure.stderr_tail().end()},
          .secondary = failure.secondary(),
          .cause = failure.cause()};
}

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixNanos(TimeUtil::TimestampToNanoseconds(time));
}

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  return TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(time));
}

google::protobuf::Duration ToDuration(absl::Duration duration) {
  return TimeUtil::NanosecondsToDuration(absl::ToInt64Nanoseconds(duration));
}

JobSubmitted ToSubmission(const v1::JobSpec& spec, const std::string& owner,
                          const std::vector<v1::JobSpec>& trials) {
  JobSubmitted event{
      .name = spec.name(),
      .owner = owner,
      .spec = spec.SerializeAsString(),
      .stages = StagesOf(spec),
      .max_restarts = spec.max_restarts(),
      .team = spec.team(),
      .priority = spec.priority(),
      .time_limit = ParseTimeLimit(spec.time_limit()).value_or(absl::InfiniteDuration()),
      .held = spec.hold(),
      .count = spec.has_array() ? spec.array().size() : 1,
      .max_running = spec.array().max_running()};
  for (const v1::DependencySpec& each : spec.after()) event.after.push_back(ToDependency(each));
  for (const v1::JobSpec& trial : trials)
    event.variants.push_back({.spec = trial.SerializeAsString(),
                              .stages = StagesOf(trial),
                              .early_stop = EarlyStopOf(trial)});
  return event;
}

v1::Job ToProto(const JobView& view) {
  const Job& job = view.job;
  v1::Job proto;
  if (job.id != kNoJob) proto.set_job_id(FormatJobId(job.id));
  proto.mutable_spec()->ParseFromString(job.spec);
  proto.set_owner(job.owner);
  proto.set_state(ToProto(job.state));
  proto.set_stage(job.current_stage().name);
  proto.set_reason(view.reasons.empty() ? job.reason : view.reasons.front().message);
  for (const PendingReason& reason : view.reasons) *proto.add_pending_reasons() = ToProto(reason);
  if (job.array != kNoJob) proto.set_array_job_id(FormatJobId(job.array));
  proto.set_array_index(job.array_index);
  proto.set_preemptions(job.preemptions);
  proto.mutable_rungs()->Add(job.rungs.begin(), job.rungs.end());
  if (job.failure) *proto.mutable_failure() = ToProto(*job.failure);
  *proto.mutable_create_time() = ToTimestamp(job.create_time);
  if (job.start_time != absl::InfiniteFuture())
    *proto.mutable_start_time() = ToTimestamp(job.start_time);
  if (job.end_time != absl::InfiniteFuture()) *proto.mutable_end_time() = ToTimestamp(job.end_time);
  for (const Attempt& attempt : job.attempts) *proto.add_attempts() = ToAttempt(attempt);
  AddResults(view, proto);
  proto.set_cancel_requested(job.cancel_requested);
  return proto;
}

v1::PendingReason ToProto(const PendingReason& reason) {
  v1::PendingReason proto;
  // The two enums have the same members in the same order.
  proto.set_code(static_cast<v1::PendingCode>(reason.code));
  proto.set_message(reason.message);
  proto.set_resource(reason.resource);
  proto.set_slots_needed(reason.slots_needed);
  proto.set_slots_free(reason.slots_free);
  proto.set_team(reason.team);
  if (reason.job != kNoJob) proto.set_job_id(FormatJobId(reason.job));
  for (const std::string& node : reason.nodes) proto.add_nodes(node);
  return proto;
}

v1::Drain ToProto(const Drain& drain) {
  v1::Drain proto;
  proto.set_reason(drain.reason);
  proto.set_by(drain.by);
  *proto.mutable_start_time() = ToTimestamp(drain.start_time);
  if (drain.end_time != absl::InfiniteFuture())
    *proto.mutable_end_time() = ToTimestamp(drain.end_time);
  return proto;
}

v1::Team ToProto(const std::string& name, const Team& team, double mean_slots) {
  v1::Team proto;
  proto.set_name(name);
  proto.set_weight(team.config.weight);
  for (const auto& [resource, slots] : team.config.quota)
    (*proto.mutable_quota())[resource] = slots;
  for (const auto& [resource, slots] : team.config.limit)
    (*proto.mutable_limit())[resource] = slots;
  for (const auto& [resource, slots] : team.used) (*proto.mutable_used())[resource] = slots;
  proto.set_pending_jobs(team.pending);
  proto.set_running_jobs(team.running);
  proto.set_mean_slots(mean_slots);
  return proto;
}

NodeConnected FromProto(const v1::AgentHello& hello) {
  NodeConnected event{.name = hello.node().name(),
                      .agent_instance = hello.agent_instance(),
                      .info = hello.node().SerializeAsString()};
  for (const v1::Slot& slot : hello.node().slots())
    event.slots.push_back(
        {.index = slot.index(), .resource = slot.resource(), .endpoint = slot.endpoint()});
  const auto& labels = hello.node().labels();
  if (const auto found = labels.find(kSwitchLabel); found != labels.end())
    event.switch_name = found->second;
  if (hello.node().has_end_of_life_time())
    event.end_of_life =
        absl::FromUnixNanos(TimeUtil::TimestampToNanoseconds(hello.node().end_of_life_time()));
  for (const v1::AttemptRef& ref : hello.running()) event.running.push_back(FromProto(ref));
  return event;
}

v1::Node ToProto(const Node& node) {
  v1::Node proto;
  proto.ParseFromString(node.info);
  proto.set_name(node.name);
  proto.set_state(node.state == Node::State::kReady ? v1::NODE_STATE_READY : v1::NODE_STATE_LOST);
  *proto.mutable_heartbeat_time() = ToTimestamp(node.heard);
  if (node.drain.has_value()) *proto.mutable_drain() = ToProto(*node.drain);
  for (const std::string& problem : node.problems) proto.add_problems(problem);
  std::map<int, const Slot*> slots;
  for (const Slot& slot : node.slots) slots[slot.index] = &slot;
  for (v1::Slot& slot : *proto.mutable_slots()) {
    const auto found = slots.find(slot.index());
    if (found == slots.end() || found->second->job == kNoJob) continue;
    slot.set_job_id(FormatJobId(found->second->job));
    slot.set_rank(found->second->rank);
  }
  return proto;
}

AttemptRef FromProto(const v1::AttemptRef& ref) {
  return {.job = ParseJobId(ref.job_id()).value_or(kNoJob), .attempt = ref.attempt()};
}

v1::AttemptRef ToProto(const AttemptRef& ref) {
  v1::AttemptRef proto;
  proto.set_job_id(FormatJobId(ref.job));
  proto.set_attempt(ref.attempt);
  return proto;
}

std::optional<Event> FromProto(const v1::AttemptReport& report, const std::string& node) {
  const AttemptRef ref = FromProto(report.ref());
  const auto result = [&](const std::string& key, const google::protobuf::Message& value) {
    return ResultReported{ref, node, key, value.SerializeAsString()};
  };
  switch (report.event_case()) {
    case v1::AttemptReport::kStarted:
      return PartStarted{ref, node};
    case v1::AttemptReport::kRendezvousEndpoint: {
      v1::RendezvousReady ready;
      *ready.mutable_ref() = report.ref();
      ready.set_endpoint(report.rendezvous_endpoint());
      return result(kRendezvousResult, ready);
    }
    case v1::AttemptReport::kProgress:
      if (report.sequence() == 0) return std::nullopt;
      return Resumed{ref, node, report.progress().step()};
    case v1::AttemptReport::kCheckpoint:
      return CheckpointSaved{
          ref, node, {report.checkpoint().artifact(), report.checkpoint().step()}};
    case v1::AttemptReport::kTrainResult:
      return result(kTrainResult, report.train_result());
    case v1::AttemptReport::kTargetResult:
      return result(kTargetResultPrefix + report.target_result().target(), report.target_result());
    case v1::AttemptReport::kEnded:
      return ToPartEnded(report.ended(), ref, node);
    case v1::AttemptReport::EVENT_NOT_SET:
      return std::nullopt;
  }
  return std::nullopt;
}

v1::StartAttempt ToProto(const StartAttempt& start, const Job& job) {
  v1::StartAttempt proto;
  *proto.mutable_ref() = ToProto(start.ref);
  proto.set_stage(start.stage);
  proto.mutable_spec()->ParseFromString(job.spec);
  FillDefaults(*proto.mutable_spec(), job.live()->resource);
  proto.set_world_size(start.world_size);
  for (size_t i = 0; i < start.slot_indices.size(); ++i) {
    proto.add_ranks(start.first_rank + static_cast<int>(i));
    proto.add_slot_indices(start.slot_indices[i]);
  }
  for (const std::string& input : start.inputs) proto.add_inputs(input);
  proto.set_single_node(start.single_node);
  if (start.stage == "command")
    for (const Part& part : job.live()->parts)
      for (const std::string& endpoint : part.endpoints) proto.add_rank_endpoints(endpoint);
  proto.set_array_index(job.array == kNoJob ? -1 : job.array_index);
  return proto;
}

v1::StopAttempt ToProto(const StopAttempt& stop) {
  v1::StopAttempt proto;
  *proto.mutable_ref() = ToProto(stop.ref);
  *proto.mutable_grace() = ToDuration(stop.grace);
  proto.set_reason(stop.reason);
  return proto;
}

v1::Event ToProto(const HistoryLine& line) {
  v1::Event proto;
  *proto.mutable_time() = ToTimestamp(line.time);
  if (line.job != kNoJob) proto.set_job_id(FormatJobId(line.job));
  proto.set_attempt(line.attempt);
  proto.set_node(line.node);
  proto.set_type(line.type);
  proto.set_message(line.message);
  return proto;
}

}  // namespace octet::scheduler
