#include "client/jobs.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/call.h"
#include "client/job_page.h"
#include "client/output.h"
#include "client/reasons.h"
#include "octet/v1/jobs.grpc.pb.h"

namespace octet::client {
namespace {

constexpr int kMaxPage = 1000;

struct JobsOptions {
  std::string state, name, owner, team, array;
  int limit = 50;
};

std::string Filter(const JobsOptions& options) {
  std::vector<std::string> terms;
  if (!options.state.empty()) terms.push_back(absl::StrCat("state=", options.state));
  if (!options.name.empty()) terms.push_back(absl::StrCat("name=", options.name));
  if (!options.owner.empty()) terms.push_back(absl::StrCat("owner=", options.owner));
  if (!options.team.empty()) terms.push_back(absl::StrCat("team=", options.team));
  if (!options.array.empty()) terms.push_back(absl::StrCat("array=", options.array));
  return absl::StrJoin(terms, " ");
}

// The newest `limit` jobs, page by page.
absl::StatusOr<v1::ListJobsResponse> List(Context& context, const JobsOptions& options) {
  v1::ListJobsRequest request;
  request.set_filter(Filter(options));
  v1::ListJobsResponse all;
  do {
    request.set_page_size(std::min(kMaxPage, options.limit - all.jobs_size()));
    ASSIGN_OR_RETURN(v1::ListJobsResponse page,
                     Call<v1::JobService>(context, "ListJobs",
                                          &v1::JobService::StubInterface::ListJobs, request));
    request.set_page_token(page.next_page_token());
    all.MergeFrom(page);
  } while (!request.page_token().empty() && all.jobs_size() < options.limit);
  return all;
}

double Top1(const v1::Job& job) {
  return job.has_train_result() ? job.train_result().top1() : job.progress().top1();
}

std::string StateText(const v1::Job& job) {
  const std::string why = job.state() == v1::JOB_STATE_PENDING ? ShortReason(job) : "";
  return absl::StrCat(Word(job.state()), why.empty() ? "" : absl::StrCat(" (", why, ")"));
}

struct Columns {
  bool wide = false, trial = false;
};

std::vector<std::string> Header(const Columns& columns) {
  std::vector<std::string> header = {"JOB",   "NAME",    "TEAM",    "PRIORITY", "STATE",
                                     "STAGE", "TRAINED", "TOP-1 %", "TOOK",     "AGE"};
  if (columns.trial) header.push_back("TRIAL");
  if (columns.wide)
    header.insert(header.end(), {"OWNER", "ATTEMPTS", "PREEMPTED", "ARRAY", "PLACES", "REASON"});
  return header;
}

std::vector<std::string> Row(const v1::Job& job, absl::Time now, const Columns& columns) {
  const v1::TrainProgress& progress = job.progress();
  std::string done = "-";
  if (progress.total_steps() > 0)
    done = absl::StrFormat("%d%%", 100 * progress.step() / progress.total_steps());
  std::string took = "-";
  if (job.has_start_time()) {
    const absl::Time end = job.has_end_time() ? ToTime(job.end_time()) : now;
    took = ShortDuration(end - ToTime(job.start_time()));
  }
  std::vector<std::string> row = {job.job_id(),
                                  job.spec().name(),
                                  job.spec().team(),
                                  absl::StrCat(job.spec().priority()),
                                  StateText(job),
                                  job.stage(),
                                  done,
                                  Top1(job) > 0 ? FormatPercent(Top1(job)) : "-",
                                  took,
                                  ShortDuration(now - ToTime(job.create_time()))};
  if (columns.trial) row.push_back(TrialText(job));
  if (columns.wide) {
    row.push_back(job.owner());
    row.push_back(absl::StrCat(job.attempts_size()));
    row.push_back(absl::StrCat(job.preemptions()));
    row.push_back(job.array_job_id().empty() ? "-" : ArrayText(job));
    row.push_back(job.attempts().empty() ? "-" : PlacementText(*job.attempts().rbegin()));
    row.push_back(job.reason());
  }
  return row;
}

absl::StatusOr<int> Jobs(Context& context, const JobsOptions& options) {
  ASSIGN_OR_RETURN(v1::ListJobsResponse response, List(context, options));
  auto& jobs = *response.mutable_jobs();
  // Of a sweep one wants to know which trial is the best.
  if (!options.array.empty())
    std::stable_sort(jobs.begin(), jobs.end(),
                     [](const v1::Job& a, const v1::Job& b) { return Top1(a) > Top1(b); });
  if (PrintList(context, response.jobs())) return kOk;
  if (response.jobs().empty()) {
    context.err << "No such jobs.\n";
    return kOk;
  }
  const Columns columns = {.wide = context.format == OutputFormat::kWide,
                           .trial = std::any_of(jobs.begin(), jobs.end(), [](const v1::Job& job) {
                             return job.spec().has_sweep();
                           })};
  Table table(Header(columns));
  for (const v1::Job& job : jobs) table.Add(Row(job, context.clock.Now(), columns));
  table.Print(context.out);
  return kOk;
}

}  // namespace

void AddJobs(Commands& commands) {
  auto options = std::make_shared<JobsOptions>();
  CLI::App* app = commands.Add("jobs", "List jobs, newest first",
                               [=](Context& context) { return Jobs(context, *options); });
  app->add_option("--state", options->state, "pending, running, succeeded, failed or cancelled");
  app->add_option("--name", options->name, "Of this name");
  app->add_option("--owner", options->owner, "Of this user");
  app->add_option("--team", options->team, "Of this team");
  app->add_option("--array", options->array,
                  "Of this array or sweep, named by its first job; the best first");
  app->add_option("-n,--limit", options->limit, "At most so many")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

}  // namespace octet::client
