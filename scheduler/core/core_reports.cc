// What agents report of attempts.
#include <algorithm>
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status.h"
#include "scheduler/core/core.h"

namespace octet::scheduler {
namespace {

std::string Describe(const AttemptRef& ref) {
  return absl::StrCat("attempt ", ref.attempt, " of job j", ref.job);
}

}  // namespace

absl::StatusOr<Core::LivePart> Core::FindLive(const AttemptRef& ref, const std::string& node) {
  ASSIGN_OR_RETURN(Job * job, FindJob(ref.job));
  Attempt* attempt = job->live();
  if (attempt == nullptr || attempt->number != ref.attempt)
    return absl::FailedPreconditionError(
        absl::StrCat(Describe(ref), " has ended; what node ", node, " says of it is refused"));
  for (Part& part : attempt->parts)
    if (part.node == node && part.state != Part::State::kEnded)
      return LivePart{job, attempt, &part};
  return absl::FailedPreconditionError(
      absl::StrCat("node ", node, " has no running part in ", Describe(ref)));
}

absl::Status Core::On(const PartStarted& event) {
  ASSIGN_OR_RETURN(const LivePart live, FindLive(event.ref, event.node));
  live.part->state = Part::State::kStarted;
  Attempt& attempt = *live.attempt;
  if (attempt.AllPartsAre(Part::State::kStarted) && attempt.state == AttemptState::kStarting) {
    attempt.state = AttemptState::kRunning;
    Log(live.job, "", "running", absl::StrCat("every rank of attempt ", attempt.number, " runs"));
  }
  transition_.changed.insert(event.ref.job);
  return absl::OkStatus();
}

absl::Status Core::On(const PartEnded& event) {
  ASSIGN_OR_RETURN(const LivePart live, FindLive(event.ref, event.node));
  EndPart(*live.job, *live.part, event.succeeded, event.failure);
  return absl::OkStatus();
}

absl::Status Core::On(const CheckpointSaved& event) {
  ASSIGN_OR_RETURN(const LivePart live, FindLive(event.ref, event.node));
  auto& checkpoints = live.job->checkpoints;
  // Reports come again until they are acknowledged, and an attempt that fell
  // back to an older checkpoint writes the newer one anew.
  std::erase_if(checkpoints, [&](const Checkpoint& known) {
    return known.artifact == event.checkpoint.artifact;
  });
  checkpoints.insert(checkpoints.begin(), event.checkpoint);
  if (checkpoints.size() > kKeptCheckpoints) checkpoints.resize(kKeptCheckpoints);
  live.job->saved_time = now_;
  transition_.changed.insert(event.ref.job);
  return absl::OkStatus();
}

absl::Status Core::On(const Resumed& event) {
  ASSIGN_OR_RETURN(const LivePart live, FindLive(event.ref, event.node));
  live.attempt->resumed_step = event.step;
  transition_.changed.insert(event.ref.job);
  return absl::OkStatus();
}

absl::Status Core::On(const RemainingMeasured& event) {
  ASSIGN_OR_RETURN(const LivePart live, FindLive(event.ref, event.node));
  live.job->measured_end = now_ + event.remaining;
  NoteEnd(*live.job);
  return absl::OkStatus();
}

absl::Status Core::On(const FigureMeasured& event) {
  ASSIGN_OR_RETURN(const LivePart live, FindLive(event.ref, event.node));
  Job& job = *live.job;
  while (!job.cancel_requested && job.rungs.size() < job.early_stop.rungs.size() &&
         event.epochs >= job.early_stop.rungs[job.rungs.size()]) {
    job.rungs.push_back(event.figure);
    transition_.changed.insert(job.id);
    if (const std::string reason = WhyEndEarly(job); !reason.empty())
      return On(CancelRequested{job.id, reason});
  }
  return absl::OkStatus();
}

// Of the rung that it has just reached; empty: it goes on.
std::string Core::WhyEndEarly(const Job& job) const {
  const size_t rung = job.rungs.size() - 1;
  std::vector<double> figures;  // of all that reached it
  for (auto it = jobs_.find(job.array); it != jobs_.end() && it->second.array == job.array; ++it)
    if (it->second.rungs.size() > rung) figures.push_back(it->second.rungs[rung]);
  const size_t kept = std::max<size_t>(figures.size() / job.early_stop.reduction, 1);
  std::nth_element(figures.begin(), figures.begin() + (kept - 1), figures.end(), std::greater<>());
  const double cut = figures[kept - 1];
  if (job.rungs[rung] >= cut) return "";
  return absl::StrFormat(
      "ended early: %.2f at %g epochs, where the best 1/%d of the %d trials of sweep j%d that got "
      "there have %.2f or more",
      job.rungs[rung], job.early_stop.rungs[rung], job.early_stop.reduction, figures.size(),
      job.array, cut);
}

absl::Status Core::On(const ResultReported& event) {
  ASSIGN_OR_RETURN(const LivePart live, FindLive(event.ref, event.node));
  live.job->results[event.key] = event.value;
  transition_.changed.insert(event.ref.job);
  return absl::OkStatus();
}

}  // namespace octet::scheduler
