#include "scheduler/server/job_metrics.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "octet/v1/jobs.pb.h"
#include "scheduler/server/codec.h"

namespace octet::scheduler {
namespace {

// FAILURE_CLASS_NODE_LOST is "node_lost".
std::string NameOf(FailureClass failure_class) {
  const std::string name = v1::FailureClass_Name(static_cast<v1::FailureClass>(failure_class));
  return absl::AsciiStrToLower(name.substr(std::string("FAILURE_CLASS_").size()));
}

std::string OutcomeOf(const Attempt& attempt) {
  if (attempt.state == AttemptState::kSucceeded) return "succeeded";
  if (attempt.state == AttemptState::kFailed) return "failed";
  switch (attempt.stop_cause) {
    case StopCause::kPreempt:
      return "preempted";
    case StopCause::kResize:
      return "resized";
    case StopCause::kRequeue:
      return "requeued";
    case StopCause::kDrain:
      return "drained";
    default:
      return "cancelled";
  }
}

void ObserveStart(const Job& job, size_t index, Metrics& metrics) {
  const Attempt& attempt = job.attempts[index];
  const absl::Time queued = index == 0 ? job.create_time : job.attempts[index - 1].end_time;
  metrics.ObserveQueueWait(job.team, attempt.start_time - queued);
  metrics.CountAttemptStart(attempt.stage);
  metrics.NoteMoment({FormatJobId(job.id), job.team, "started", attempt.start_time});
}

void ObserveEnd(const Job& job, const Attempt& attempt, Metrics& metrics) {
  const std::string outcome = OutcomeOf(attempt);
  metrics.CountAttemptEnd(attempt.stage, outcome);
  metrics.NoteMoment({FormatJobId(job.id), job.team, outcome, attempt.end_time});
  if (attempt.state == AttemptState::kFailed && attempt.failure.has_value())
    metrics.CountFailure(NameOf(attempt.failure->failure_class), attempt.failure->cause);
}

void ObserveAttempts(const std::vector<Attempt>& before, const Job& after, Metrics& metrics) {
  const size_t known = before.size();
  for (size_t i = known == 0 ? 0 : known - 1; i < after.attempts.size(); ++i) {
    if (i >= known) ObserveStart(after, i, metrics);
    const bool had_ended = i < known && IsFinal(before[i].state);
    if (IsFinal(after.attempts[i].state) && !had_ended)
      ObserveEnd(after, after.attempts[i], metrics);
  }
}

void ObserveExports(const std::map<std::string, std::string>& before, const Job& after,
                    Metrics& metrics) {
  for (auto it = after.results.lower_bound(kTargetResultPrefix);
       it != after.results.end() && absl::StartsWith(it->first, kTargetResultPrefix); ++it) {
    const auto known = before.find(it->first);
    if (known != before.end() && known->second == it->second) continue;
    v1::TargetResult result;
    if (result.ParseFromString(it->second)) metrics.ObserveExport(result);
  }
}

}  // namespace

void ObserveChange(const std::optional<Job>& before, const Job& after, Metrics& metrics) {
  if (!before || before->state != after.state)
    metrics.CountJobStateChange(after.team, Name(after.state));
  static const Job kNone;
  const Job& known = before ? *before : kNone;
  ObserveAttempts(known.attempts, after, metrics);
  ObserveExports(known.results, after, metrics);
}

}  // namespace octet::scheduler
