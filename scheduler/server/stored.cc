#include "scheduler/server/stored.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "google/protobuf/util/time_util.h"
#include "scheduler/server/codec.h"
#include "scheduler/server/stored.pb.h"

namespace octet::scheduler {
namespace {

using google::protobuf::Timestamp;
using google::protobuf::util::TimeUtil;

// An infinite time, "not yet", is a field that is not set.
template <typename Message>
absl::Time TimeOr(const Message& message, bool (Message::*has)() const,
                  const Timestamp& (Message::*get)() const) {
  if (!(message.*has)()) return absl::InfiniteFuture();
  return absl::FromUnixNanos(TimeUtil::TimestampToNanoseconds((message.*get)()));
}

stored::Part Encode(const Part& part) {
  stored::Part proto;
  proto.set_node(part.node);
  proto.set_agent_instance(part.agent_instance);
  proto.set_first_rank(part.first_rank);
  for (const int index : part.slot_indices) proto.add_slot_indices(index);
  proto.set_state(static_cast<stored::Part::State>(part.state));
  proto.set_succeeded(part.succeeded);
  for (const std::string& endpoint : part.endpoints) proto.add_endpoints(endpoint);
  return proto;
}

Part Decode(const stored::Part& proto) {
  return {.node = proto.node(),
          .agent_instance = proto.agent_instance(),
          .first_rank = proto.first_rank(),
          .slot_indices = {proto.slot_indices().begin(), proto.slot_indices().end()},
          .endpoints = {proto.endpoints().begin(), proto.endpoints().end()},
          .state = static_cast<Part::State>(proto.state()),
          .succeeded = proto.succeeded()};
}

stored::Attempt Encode(const Attempt& attempt) {
  stored::Attempt proto;
  proto.set_number(attempt.number);
  proto.set_stage(attempt.stage);
  proto.set_state(ToProto(attempt.state));
  *proto.mutable_start_time() = ToTimestamp(attempt.start_time);
  if (attempt.end_time != absl::InfiniteFuture())
    *proto.mutable_end_time() = ToTimestamp(attempt.end_time);
  for (const Part& part : attempt.parts) *proto.add_parts() = Encode(part);
  if (attempt.failure) *proto.mutable_failure() = ToProto(*attempt.failure);
  proto.set_resumed_step(attempt.resumed_step);
  proto.set_stop_cause(static_cast<int>(attempt.stop_cause));
  proto.set_stop_reason(attempt.stop_reason);
  proto.set_resource(attempt.resource);
  return proto;
}

Attempt Decode(const stored::Attempt& proto) {
  Attempt attempt{
      .number = proto.number(),
      .stage = proto.stage(),
      .state = FromProto(proto.state()),
      .start_time = TimeOr(proto, &stored::Attempt::has_start_time, &stored::Attempt::start_time),
      .end_time = TimeOr(proto, &stored::Attempt::has_end_time, &stored::Attempt::end_time)};
  for (const stored::Part& part : proto.parts()) attempt.parts.push_back(Decode(part));
  if (proto.has_failure()) attempt.failure = FromProto(proto.failure());
  attempt.resumed_step = proto.resumed_step();
  attempt.stop_cause = static_cast<StopCause>(proto.stop_cause());
  attempt.stop_reason = proto.stop_reason();
  attempt.resource = proto.resource();
  return attempt;
}

void EncodeProgress(const Job& job, stored::Job& proto) {
  proto.set_state(ToProto(job.state));
  proto.set_stage(static_cast<int32_t>(job.stage));
  proto.set_restarts(job.restarts);
  proto.set_cancel_requested(job.cancel_requested);
  proto.set_reason(job.reason);
  if (job.failure) *proto.mutable_failure() = ToProto(*job.failure);
  *proto.mutable_create_time() = ToTimestamp(job.create_time);
  if (job.start_time != absl::InfiniteFuture())
    *proto.mutable_start_time() = ToTimestamp(job.start_time);
  if (job.end_time != absl::InfiniteFuture()) *proto.mutable_end_time() = ToTimestamp(job.end_time);
  for (const Attempt& attempt : job.attempts) *proto.add_attempts() = Encode(attempt);
  for (const Checkpoint& checkpoint : job.checkpoints) {
    stored::Checkpoint& added = *proto.add_checkpoints();
    added.set_artifact(checkpoint.artifact);
    added.set_step(checkpoint.step);
  }
  for (const auto& [key, value] : job.results) (*proto.mutable_results())[key] = value;
  proto.set_preemptions(job.preemptions);
  proto.set_held(job.held);
  if (job.not_before != absl::InfinitePast())
    *proto.mutable_not_before() = ToTimestamp(job.not_before);
  proto.set_most_slots(job.most_slots);
}

void DecodeProgress(const stored::Job& proto, Job& job) {
  job.state = FromProto(proto.state());
  job.stage = proto.stage();
  job.restarts = proto.restarts();
  job.cancel_requested = proto.cancel_requested();
  job.reason = proto.reason();
  if (proto.has_failure()) job.failure = FromProto(proto.failure());
  job.create_time = TimeOr(proto, &stored::Job::has_create_time, &stored::Job::create_time);
  job.start_time = TimeOr(proto, &stored::Job::has_start_time, &stored::Job::start_time);
  job.end_time = TimeOr(proto, &stored::Job::has_end_time, &stored::Job::end_time);
  for (const stored::Attempt& attempt : proto.attempts()) job.attempts.push_back(Decode(attempt));
  for (const stored::Checkpoint& checkpoint : proto.checkpoints())
    job.checkpoints.push_back({checkpoint.artifact(), checkpoint.step()});
  job.results = {proto.results().begin(), proto.results().end()};
  job.preemptions = proto.preemptions();
  job.held = proto.held();
  if (proto.has_not_before())
    job.not_before = TimeOr(proto, &stored::Job::has_not_before, &stored::Job::not_before);
  job.most_slots = proto.most_slots();
}

void EncodeWishes(const Job& job, stored::Job& proto) {
  proto.set_team(job.team);
  proto.set_priority(job.priority);
  if (job.time_limit != absl::InfiniteDuration())
    *proto.mutable_time_limit() = ToDuration(job.time_limit);
  for (const Dependency& dependency : job.after) {
    stored::Dependency& added = *proto.add_after();
    added.set_job(dependency.job);
    added.set_condition(static_cast<stored::Dependency::Condition>(dependency.condition));
  }
  proto.set_array(job.array);
  proto.set_array_index(job.array_index);
  proto.set_array_max_running(job.array_max_running);
  proto.mutable_early_stop_rungs()->Add(job.early_stop.rungs.begin(), job.early_stop.rungs.end());
  proto.set_early_stop_reduction(job.early_stop.reduction);
  proto.mutable_rungs()->Add(job.rungs.begin(), job.rungs.end());
}

void DecodeWishes(const stored::Job& proto, Job& job) {
  // What was stored before there were teams belongs to the default one.
  if (!proto.team().empty()) job.team = proto.team();
  job.priority = proto.priority();
  if (proto.has_time_limit())
    job.time_limit = absl::Nanoseconds(TimeUtil::DurationToNanoseconds(proto.time_limit()));
  for (const stored::Dependency& dependency : proto.after())
    job.after.push_back(
        {dependency.job(), static_cast<Dependency::Condition>(dependency.condition())});
  job.array = proto.array();
  job.array_index = proto.array_index();
  job.array_max_running = proto.array_max_running();
  job.early_stop = {{proto.early_stop_rungs().begin(), proto.early_stop_rungs().end()},
                    proto.early_stop_reduction()};
  job.rungs = {proto.rungs().begin(), proto.rungs().end()};
}

}  // namespace

std::string EncodeDrain(const std::string& node, const std::optional<Drain>& drain) {
  stored::Drain proto;
  proto.set_node(node);
  if (drain.has_value()) {
    proto.set_reason(drain->reason);
    proto.set_by(drain->by);
    *proto.mutable_start_time() = ToTimestamp(drain->start_time);
    if (drain->end_time != absl::InfiniteFuture())
      *proto.mutable_end_time() = ToTimestamp(drain->end_time);
  }
  return proto.SerializeAsString();
}

absl::StatusOr<std::optional<Drain>> DecodeDrain(const std::string& bytes) {
  stored::Drain proto;
  if (!proto.ParseFromString(bytes) || proto.node().empty())
    return absl::DataLossError("is not a drain");
  if (proto.reason().empty()) return std::nullopt;
  return Drain{
      .reason = proto.reason(),
      .by = proto.by(),
      .start_time = TimeOr(proto, &stored::Drain::has_start_time, &stored::Drain::start_time),
      .end_time = TimeOr(proto, &stored::Drain::has_end_time, &stored::Drain::end_time)};
}

std::string EncodeJob(const Job& job) {
  stored::Job proto;
  proto.set_id(job.id);
  proto.set_name(job.name);
  proto.set_owner(job.owner);
  proto.set_spec(job.spec);
  for (const Stage& stage : job.stages) {
    stored::Stage& added = *proto.add_stages();
    added.set_name(stage.name);
    added.set_slots(stage.gang.slots);
    added.set_nodes(stage.gang.nodes);
    added.set_resource(stage.gang.resource);
    added.set_min_slots(stage.gang.min_slots);
    added.set_divides(stage.gang.divides);
    added.set_saves(stage.saves);
  }
  proto.set_max_restarts(job.max_restarts);
  EncodeWishes(job, proto);
  EncodeProgress(job, proto);
  return proto.SerializeAsString();
}

absl::StatusOr<Job> DecodeJob(const std::string& bytes) {
  stored::Job proto;
  if (!proto.ParseFromString(bytes) || proto.stage() < 0 || proto.stage() >= proto.stages_size())
    return absl::DataLossError("is not a job");
  Job job{.id = proto.id(),
          .name = proto.name(),
          .owner = proto.owner(),
          .spec = proto.spec(),
          .max_restarts = proto.max_restarts()};
  for (const stored::Stage& stage : proto.stages())
    job.stages.push_back({.name = stage.name(),
                          .gang = {.slots = stage.slots(),
                                   .nodes = stage.nodes(),
                                   .resource = stage.resource(),
                                   .min_slots = stage.min_slots(),
                                   .divides = stage.divides()},
                          .saves = stage.saves()});
  DecodeWishes(proto, job);
  DecodeProgress(proto, job);
  return job;
}

std::string EncodeRequest(const StoredRequest& request) {
  stored::Request proto;
  proto.set_job(request.job);
  proto.set_spec_sha256(request.spec_sha256);
  return proto.SerializeAsString();
}

absl::StatusOr<StoredRequest> DecodeRequest(const std::string& bytes) {
  stored::Request proto;
  if (!proto.ParseFromString(bytes) || proto.job() == kNoJob)
    return absl::DataLossError("is not a request");
  return StoredRequest{proto.job(), proto.spec_sha256()};
}

}  // namespace octet::scheduler
