#include "client/job.h"

#include <memory>

#include "client/call.h"
#include "client/job_page.h"
#include "client/output.h"
#include "octet/v1/jobs.grpc.pb.h"

namespace octet::client {
namespace {

absl::StatusOr<int> ShowJob(Context& context, const std::string& id) {
  v1::GetJobRequest request;
  request.set_job_id(id);
  ASSIGN_OR_RETURN(
      const v1::Job job,
      Call<v1::JobService>(context, "GetJob", &v1::JobService::StubInterface::GetJob, request));
  if (!PrintMessage(context, job)) PrintJobPage(context, job);
  return kOk;
}

}  // namespace

void AddJob(Commands& commands) {
  auto id = std::make_shared<std::string>();
  CLI::App* app = commands.Add("job", "Show all about one job: attempts, failures, results",
                               [=](Context& context) { return ShowJob(context, *id); });
  app->add_option("JOB", *id, "The job's id")->required();
}

}  // namespace octet::client
