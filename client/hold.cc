#include "client/hold.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/call.h"
#include "client/output.h"
#include "octet/v1/jobs.grpc.pb.h"

namespace octet::client {
namespace {

struct Options {
  std::vector<std::string> jobs;
  std::string reason;
};

// Asks for one job.
using Ask = std::function<absl::StatusOr<v1::Job>(Context&, const std::string& id,
                                                  const std::string& reason)>;

// Every job gets its turn; the exit code is that of the first that was refused.
int ForEachJob(Context& context, const Options& options, const std::string& done, const Ask& ask) {
  int code = kOk;
  std::vector<v1::Job> answers;
  for (const std::string& id : options.jobs) {
    absl::StatusOr<v1::Job> job = ask(context, id, options.reason);
    if (job.ok()) {
      if (!IsStructured(context)) context.out << "job " << id << " " << done << "\n";
      answers.push_back(*std::move(job));
    } else {
      context.err << "octet: " << job.status().message() << "\n";
      if (code == kOk) code = ExitCodeOf(job.status());
    }
  }
  std::vector<const google::protobuf::Message*> messages;
  for (const v1::Job& job : answers) messages.push_back(&job);
  PrintMessages(context, messages);
  return code;
}

CLI::App* AddJobCommand(Commands& commands, const std::string& name, const std::string& description,
                        const std::string& done, const std::shared_ptr<Options>& options, Ask ask) {
  CLI::App* app = commands.Add(name, description, [=](Context& context) {
    return ForEachJob(context, *options, done, ask);
  });
  app->add_option("JOB", options->jobs, "The jobs' ids")->required();
  return app;
}

}  // namespace

void AddHold(Commands& commands) {
  auto options = std::make_shared<Options>();
  AddJobCommand(commands, "hold", "Keep pending jobs from starting", "is held", options,
                [](Context& context, const std::string& id, const std::string& reason) {
                  v1::HoldJobRequest request;
                  request.set_job_id(id);
                  request.set_reason(reason);
                  return Call<v1::JobService>(context, "HoldJob",
                                              &v1::JobService::StubInterface::HoldJob, request);
                })
      ->add_option("--reason", options->reason, "Shown to the jobs' owners");
}

void AddRelease(Commands& commands) {
  AddJobCommand(commands, "release", "Let held jobs start again", "may start again",
                std::make_shared<Options>(),
                [](Context& context, const std::string& id, const std::string&) {
                  v1::ReleaseJobRequest request;
                  request.set_job_id(id);
                  return Call<v1::JobService>(context, "ReleaseJob",
                                              &v1::JobService::StubInterface::ReleaseJob, request);
                });
}

void AddRequeue(Commands& commands) {
  auto options = std::make_shared<Options>();
  AddJobCommand(commands, "requeue",
                "Stop running jobs, which save their state, and queue them again",
                "is asked to stop and goes back into the queue", options,
                [](Context& context, const std::string& id, const std::string& reason) {
                  v1::RequeueJobRequest request;
                  request.set_job_id(id);
                  request.set_reason(reason);
                  return Call<v1::JobService>(context, "RequeueJob",
                                              &v1::JobService::StubInterface::RequeueJob, request);
                })
      ->add_option("--reason", options->reason, "Shown to the jobs' owners");
}

}  // namespace octet::client
