#include "client/job_page.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "client/output.h"
#include "client/progress.h"
#include "client/reasons.h"

namespace octet::client {
namespace {

constexpr char kFlopsRule[] = "1 multiply-add = 2 FLOPs; training image = 3 x forward";

void PrintField(Context& context, absl::string_view name, absl::string_view value) {
  if (value.empty()) return;
  context.out << absl::StrFormat("%-10s %s\n", name, value);
}

std::string TimesText(const v1::Job& job, absl::Time now) {
  const absl::Time created = ToTime(job.create_time());
  std::string text = absl::FormatTime("%Y-%m-%d %H:%M:%S", created, absl::LocalTimeZone());
  if (!job.has_start_time()) {
    if (!IsFinal(job.state())) absl::StrAppend(&text, ", waits for ", ShortDuration(now - created));
    return text;
  }
  const absl::Time started = ToTime(job.start_time());
  absl::StrAppend(&text, ", started after ", ShortDuration(started - created));
  return job.has_end_time()
             ? absl::StrCat(text, ", took ", ShortDuration(ToTime(job.end_time()) - started))
             : absl::StrCat(text, ", runs for ", ShortDuration(now - started));
}

std::string StateText(Context& context, const v1::Job& job) {
  const char* color = job.state() == v1::JOB_STATE_FAILED      ? "\033[31m"
                      : job.state() == v1::JOB_STATE_SUCCEEDED ? "\033[32m"
                                                               : "\033[1m";
  std::string text = Word(job.state());
  if (context.color) text = absl::StrCat(color, text, "\033[0m");
  if (!IsFinal(job.state()) && !job.stage().empty())
    absl::StrAppend(&text, ", stage ", job.stage());
  if (job.cancel_requested() && !IsFinal(job.state()))
    absl::StrAppend(&text, ", is being cancelled");
  return text;
}

// As a shell would read it.
std::string CommandText(const v1::CommandSpec& command) {
  return absl::StrJoin(command.argv(), " ", [](std::string* out, const std::string& arg) {
    const bool plain = !arg.empty() && arg.find_first_not_of(
                                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                           "0123456789_-+=./:,@%") == std::string::npos;
    absl::StrAppend(
        out, plain ? arg : absl::StrCat("'", absl::StrReplaceAll(arg, {{"'", "'\\''"}}), "'"));
  });
}

// What it waits for, where the one sentence of the reason is not all.
void PrintReasons(Context& context, const v1::Job& job) {
  PrintField(context, "reason", job.reason());
  if (job.pending_reasons_size() < 2) return;
  for (const v1::PendingReason& reason : job.pending_reasons())
    PrintField(context, "", absl::StrCat("- ", ReasonText(reason)));
}

// Whose it is, and what it asks for.
void PrintWishes(Context& context, const v1::Job& job) {
  const v1::JobSpec& spec = job.spec();
  PrintField(context, "owner", job.owner());
  PrintField(context, "team", spec.team());
  if (spec.priority() != 0) PrintField(context, "priority", absl::StrCat(spec.priority()));
  PrintField(context, "command", CommandText(spec.command()));
  if (SlotsOf(job) > 0) PrintField(context, "slots", absl::StrCat(SlotsOf(job)));
  PrintField(context, "limit", spec.time_limit());
  PrintField(context, "array", ArrayText(job));
  PrintField(context, "trial", TrialText(job));
}

void PrintAttempts(Context& context, const v1::Job& job) {
  Table table({"ATTEMPT", "STAGE", "STATE", "TOOK", "FROM STEP", "PLACES"});
  for (const v1::Attempt& attempt : job.attempts()) {
    const absl::Time end =
        attempt.has_end_time() ? ToTime(attempt.end_time()) : context.clock.Now();
    table.Add({absl::StrCat(attempt.attempt()), attempt.stage(), Word(attempt.state()),
               ShortDuration(end - ToTime(attempt.start_time())),
               absl::StrCat(attempt.resumed_step()), PlacementText(attempt)});
  }
  if (table.empty()) return;
  context.out << "\n";
  table.Print(context.out);
  for (const v1::Attempt& attempt : job.attempts()) {
    if (!attempt.has_failure()) continue;
    context.out << "attempt " << attempt.attempt() << " ended: " << FailureText(attempt.failure())
                << "\n";
    for (const std::string& line : attempt.failure().stderr_tail())
      context.out << "  | " << line << "\n";
  }
}

}  // namespace

bool IsFinal(v1::JobState state) {
  return state == v1::JOB_STATE_SUCCEEDED || state == v1::JOB_STATE_FAILED ||
         state == v1::JOB_STATE_CANCELLED;
}

std::string PlacementText(const v1::Attempt& attempt) {
  std::vector<std::string> places;
  for (const v1::Placement& placement : attempt.placements()) {
    const int first = placement.first_rank(), last = first + placement.slots() - 1;
    places.push_back(last > first
                         ? absl::StrCat(placement.node(), " (ranks ", first, "-", last, ")")
                         : absl::StrCat(placement.node(), " (rank ", first, ")"));
  }
  return absl::StrJoin(places, ", ");
}

int SlotsOf(const v1::Job& job) {
  if (job.state() == v1::JOB_STATE_RUNNING && !job.attempts().empty()) {
    int slots = 0;
    for (const v1::Placement& placement : job.attempts().rbegin()->placements())
      slots += placement.slots();
    return slots;
  }
  const v1::JobSpec& spec = job.spec();
  if (spec.has_command()) return spec.command().gang().slots();
  if (spec.has_train()) return spec.train().gang().slots();
  return spec.has_export_() ? 1 : 0;
}

std::string ArrayText(const v1::Job& job) {
  if (job.array_job_id().empty()) return "";
  return absl::StrCat(job.array_job_id(), "[", job.array_index(), "]");
}

std::string TrialText(const v1::Job& job) {
  std::vector<std::string> values;
  for (const v1::SweepParameter& parameter : job.spec().sweep().parameters()) {
    const auto value = job.spec().labels().find(parameter.field());
    if (value == job.spec().labels().end()) continue;
    // Its last name is enough for a reader.
    const size_t dot = parameter.field().rfind('.') + 1;
    values.push_back(absl::StrCat(parameter.field().substr(dot), "=", value->second));
  }
  return absl::StrJoin(values, ", ");
}

std::string FailureText(const v1::Failure& failure) {
  std::vector<std::string> facts;
  if (!failure.node().empty()) {
    facts.push_back(failure.rank() < 0
                        ? absl::StrCat("node ", failure.node())
                        : absl::StrCat("rank ", failure.rank(), " on ", failure.node()));
  }
  if (failure.signal() != 0) facts.push_back(absl::StrCat("signal ", failure.signal()));
  if (failure.exit_code() != 0) facts.push_back(absl::StrCat("exit code ", failure.exit_code()));
  if (facts.empty()) return failure.message();
  return absl::StrCat(failure.message(), " [", absl::StrJoin(facts, ", "), "]");
}

void PrintResult(Context& context, const v1::Job& job) {
  if (job.has_train_result()) {
    const v1::TrainResult& result = job.train_result();
    context.out << "top-1 " << FormatPercent(result.top1()) << " % on " << result.test_images()
                << " test images after " << result.steps() << " steps; trained at "
                << FormatImageRate(result.images_per_s()) << ", "
                << FormatRate(result.flops_per_s(), "FLOPS") << " over " << result.world_size()
                << (result.world_size() == 1 ? " rank" : " ranks") << " (" << kFlopsRule << ")\n";
  }
  if (job.targets_size() > 0) {
    context.out << "\n";
    PrintTargets(context, job.targets());
  }
}

void PrintArtifactsHint(Context& context, const v1::Job& job) {
  if (!job.has_train_result() && job.targets().empty()) return;
  context.out.flush();
  context.err << "Its files: `octet artifacts " << job.job_id() << "` lists them, `octet download "
              << job.job_id() << " --out DIR` fetches them.\n";
}

void PrintJobPage(Context& context, const v1::Job& job) {
  PrintField(context, "job", job.job_id());
  PrintField(context, "name", job.spec().name());
  PrintWishes(context, job);
  PrintField(context, "state", StateText(context, job));
  PrintReasons(context, job);
  if (job.preemptions() > 0) {
    PrintField(context, "preempted",
               absl::StrCat(job.preemptions(), job.preemptions() == 1 ? " time" : " times"));
  }
  PrintField(context, "created", TimesText(job, context.clock.Now()));
  if (job.state() == v1::JOB_STATE_RUNNING) PrintField(context, "progress", ProgressText(job));
  PrintAttempts(context, job);
  if (job.has_failure() && (job.attempts().empty() || !job.attempts().rbegin()->has_failure()))
    context.out << "failure: " << FailureText(job.failure()) << "\n";
  if (job.has_train_result() || job.targets_size() > 0) context.out << "\n";
  PrintResult(context, job);
  PrintArtifactsHint(context, job);
  if (job.state() != v1::JOB_STATE_PENDING) return;
  context.out.flush();
  context.err << "`octet why " << job.job_id()
              << "` tells who is ahead of it and when it starts.\n";
}

}  // namespace octet::client
