#include "client/cancel.h"

#include <memory>

#include "client/call.h"
#include "client/job_page.h"
#include "client/output.h"
#include "octet/v1/jobs.grpc.pb.h"

namespace octet::client {
namespace {

absl::StatusOr<int> Cancel(Context& context, const v1::CancelJobRequest& request) {
  ASSIGN_OR_RETURN(const v1::Job job,
                   Call<v1::JobService>(context, "CancelJob",
                                        &v1::JobService::StubInterface::CancelJob, request));
  if (PrintMessage(context, job)) return kOk;
  if (IsFinal(job.state())) {
    context.out << "job " << job.job_id() << " " << Word(job.state()) << "\n";
  } else {
    context.out << "job " << job.job_id() << " is asked to end\n";
  }
  return kOk;
}

}  // namespace

void AddCancel(Commands& commands) {
  auto options = std::make_shared<std::pair<std::string, std::string>>();
  CLI::App* app = commands.Add("cancel", "Ask a job to end", [=](Context& context) {
    v1::CancelJobRequest request;
    request.set_job_id(options->first);
    request.set_reason(options->second);
    return Cancel(context, request);
  });
  app->add_option("JOB", options->first, "The job's id")->required();
  app->add_option("--reason", options->second, "Shown to the job's owner");
}

}  // namespace octet::client
