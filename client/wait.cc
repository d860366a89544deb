#include "client/wait.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/call.h"
#include "client/job_page.h"
#include "client/output.h"
#include "client/watch.h"
#include "common/status.h"
#include "octet/v1/jobs.grpc.pb.h"

namespace octet::client {
namespace {

struct WaitOptions {
  std::vector<std::string> jobs;
  std::string state = "ended";
  absl::Duration timeout = absl::InfiniteDuration();
};

// A job that has ended since it ran has been running: to see that must not
// depend on who was quicker.
bool Reached(const v1::Job& job, const std::string& state) {
  if (state == "ended") return IsFinal(job.state());
  if (state == "running") return job.has_start_time() || job.state() == v1::JOB_STATE_RUNNING;
  return state == Word(job.state());
}

absl::StatusOr<v1::Job> GetJob(Context& context, const std::string& id) {
  v1::GetJobRequest request;
  request.set_job_id(id);
  return Call<v1::JobService>(context, "GetJob", &v1::JobService::StubInterface::GetJob, request);
}

// job: reached the state, ended, or is what it is when the time is over.
int Tell(Context& context, const v1::Job& job, const WaitOptions& options) {
  if (Reached(job, options.state)) {
    context.out << "job " << job.job_id() << " " << Word(job.state()) << "\n";
    return kOk;
  }
  const std::string why = job.has_failure() ? FailureText(job.failure()) : job.reason();
  context.err << "octet: job " << job.job_id()
              << (IsFinal(job.state())
                      ? absl::StrCat(" will not be ", options.state, ": it ended as ")
                      : absl::StrCat(" is not ", options.state, " after ",
                                     absl::FormatDuration(options.timeout), ": it is "))
              << Word(job.state()) << (why.empty() ? "" : ": ") << why << "\n";
  return kJobFailed;
}

absl::StatusOr<int> WaitForOne(Context& context, const std::string& id, absl::Duration timeout,
                               const WaitOptions& options) {
  ASSIGN_OR_RETURN(std::optional<v1::Job> job,
                   WatchUntil(context, id, {.timeout = timeout},
                              [&](const v1::Job& now) { return Reached(now, options.state); }));
  if (!job.has_value()) {
    ASSIGN_OR_RETURN(job, GetJob(context, id));
  }
  return Tell(context, *job, options);
}

// One after the other: what a job has reached stays true, so nothing is missed
// while another is waited for.
absl::StatusOr<int> Wait(Context& context, const WaitOptions& options) {
  const absl::Duration deadline = context.clock.Steady() + options.timeout;
  int code = kOk;
  for (const std::string& id : options.jobs) {
    const absl::Duration left = deadline - context.clock.Steady();
    ASSIGN_OR_RETURN(const int one, WaitForOne(context, id, left, options));
    if (one != kOk) code = one;
  }
  return code;
}

}  // namespace

void AddWait(Commands& commands) {
  auto options = std::make_shared<WaitOptions>();
  CLI::App* app = commands.Add(
      "wait",
      "Wait for jobs; exit 0 when all got there, 1 when one ended otherwise or time ran out",
      [=](Context& context) { return Wait(context, *options); });
  app->add_option("JOB", options->jobs, "The jobs' ids")->required();
  app->add_option("--for", options->state,
                  "running (has started), succeeded, failed, cancelled or ended")
      ->check(CLI::IsMember({"running", "succeeded", "failed", "cancelled", "ended"}))
      ->capture_default_str();
  AddDuration(*app, "--timeout", options->timeout,
              "Give up after this time, such as 90s or 10m (default: never)");
}

}  // namespace octet::client
