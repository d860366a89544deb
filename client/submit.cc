#include "client/submit.h"

#include <cstdint>
#include <iterator>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "client/call.h"
#include "client/connection.h"
#include "client/job_page.h"
#include "client/output.h"
#include "client/watch.h"
#include "common/files.h"
#include "common/yaml_message.h"
#include "octet/v1/jobs.grpc.pb.h"

namespace octet::client {
namespace {

// How long a scheduler that was there may be away while a job is submitted.
constexpr absl::Duration kSubmitPatience = absl::Seconds(30);

std::string NewRequestId() {
  std::random_device random;
  std::string id;
  for (int i = 0; i < 4; ++i) absl::StrAppendFormat(&id, "%08x", random());
  return id;
}

absl::StatusOr<v1::JobSpec> ReadSpec(Context& context, const std::string& file) {
  std::string text;
  if (file == "-") {
    text.assign(std::istreambuf_iterator<char>(context.in), {});
  } else {
    ASSIGN_OR_RETURN(text, ReadFile(file));
  }
  v1::JobSpec spec;
  RETURN_IF_ERROR(ParseYamlMessage(text, file == "-" ? "stdin" : file, &spec));
  return spec;
}

int ReportEnd(Context& context, const v1::Job& job, bool followed) {
  const bool succeeded = job.state() == v1::JOB_STATE_SUCCEEDED;
  if (followed && !IsStructured(context)) {
    context.out << "\n";
    PrintResult(context, job);
    PrintArtifactsHint(context, job);
  } else if (succeeded && !IsStructured(context)) {
    context.out << "job " << job.job_id() << " succeeded\n";
  }
  context.out.flush();
  if (succeeded) return kOk;
  context.err << "octet: job " << job.job_id() << " " << Word(job.state()) << ": "
              << (job.has_failure() ? FailureText(job.failure()) : job.reason()) << "\n";
  for (const std::string& line : job.failure().stderr_tail()) context.err << "  | " << line << "\n";
  return kJobFailed;
}

// The jobs that the answer to a submission stands for: of an array it is the
// first, and the numbers of the others follow.
std::vector<std::string> JobsOf(const v1::Job& job) {
  std::vector<std::string> ids = {job.job_id()};
  int64_t first = 0;
  absl::string_view number = job.job_id();
  if (!absl::ConsumePrefix(&number, "j") || !absl::SimpleAtoi(number, &first)) return ids;
  for (int i = 1; i < job.spec().array().size(); ++i) ids.push_back(absl::StrCat("j", first + i));
  return ids;
}

void TellSubmitted(Context& context, const std::vector<std::string>& ids) {
  if (ids.size() == 1) {
    context.out << "job " << ids[0] << " submitted" << std::endl;
  } else {
    context.out << "jobs " << ids.front() << " ... " << ids.back() << " submitted" << std::endl;
  }
}

absl::StatusOr<v1::Job> WaitForEnd(Context& context, const std::string& id,
                                   const SubmitOptions& options) {
  const LeaveOnInterrupt leave(absl::StrCat("\nJob ", id, " goes on; `octet job ", id,
                                            "` shows it, `octet cancel ", id, "` ends it.\n"));
  // What is on stdout in JSON is one document.
  const bool structured = IsStructured(context);
  JobFollower follower(structured ? context.err : context.out,
                       context.out_is_terminal && !structured);
  return WatchJob(context, id, options.patience, [&](const v1::Job& now) {
    if (options.follow) follower.Show(now);
  });
}

// kOk when all of them succeed.
absl::StatusOr<int> WaitForAll(Context& context, const std::vector<std::string>& ids,
                               const SubmitOptions& options) {
  int code = kOk;
  google::protobuf::RepeatedPtrField<v1::Job> ended;
  for (const std::string& id : ids) {
    ASSIGN_OR_RETURN(*ended.Add(), WaitForEnd(context, id, options));
    if (ReportEnd(context, *ended.rbegin(), options.follow) != kOk) code = kJobFailed;
  }
  ids.size() == 1 ? PrintMessage(context, ended[0]) : PrintList(context, ended);
  return code;
}

}  // namespace

// The request id makes it safe to ask again when no answer came.
absl::StatusOr<v1::Job> CreateJob(Context& context, v1::CreateJobRequest request) {
  if (request.request_id().empty()) request.set_request_id(NewRequestId());
  Reconnector reconnector(context, kSubmitPatience);
  for (;;) {
    const auto job = Call<v1::JobService>(context, "CreateJob",
                                          &v1::JobService::StubInterface::CreateJob, request);
    if (job.ok()) return job;
    RETURN_IF_ERROR(reconnector.Recover(job.status()));
  }
}

absl::StatusOr<int> SubmitJob(Context& context, const v1::JobSpec& spec,
                              const SubmitOptions& options) {
  v1::CreateJobRequest request;
  *request.mutable_spec() = spec;
  request.set_validate_only(options.dry_run);
  request.set_request_id(options.request_id);
  ASSIGN_OR_RETURN(const v1::Job job, CreateJob(context, std::move(request)));
  const std::string& id = job.job_id();
  if (options.dry_run) {
    if (!PrintMessage(context, job)) context.out << "valid; nothing was stored\n";
    return kOk;
  }
  const bool wait = options.wait || options.follow;
  const std::vector<std::string> ids = JobsOf(job);
  if (!IsStructured(context)) {
    TellSubmitted(context, ids);
  } else if (!wait) {
    PrintMessage(context, job);
  }
  if (wait) return WaitForAll(context, ids, options);
  if (!IsStructured(context)) {
    context.err << "Next: `octet job " << id << "` shows it, `octet logs -f " << id
                << "` what it prints.\n";
  }
  return kOk;
}

void AddSubmit(Commands& commands) {
  struct Options : SubmitOptions {
    std::string file;
  };
  auto options = std::make_shared<Options>();
  CLI::App* app =
      commands.Add("submit", "Submit a job file", [=](Context& context) -> absl::StatusOr<int> {
        ASSIGN_OR_RETURN(const v1::JobSpec spec, ReadSpec(context, options->file));
        return SubmitJob(context, spec, *options);
      });
  app->add_option("FILE", options->file, "The job file, YAML; - is standard input")->required();
  app->add_flag("--wait", options->wait, "Wait for its end; exit 0 only when it succeeded");
  app->add_flag("--follow", options->follow, "Wait, and show its progress and result");
  app->add_flag("--dry-run", options->dry_run, "Let the scheduler check it and store nothing");
  app->add_option("--request-id", options->request_id,
                  "The same id again is the same job (default: one of its own)");
  AddPatience(*app, options->patience);
}

}  // namespace octet::client
