#ifndef OCTET_SCHEDULER_SERVER_JOB_SERVICE_H_
#define OCTET_SCHEDULER_SERVER_JOB_SERVICE_H_

#include <functional>
#include <string>
#include <utility>

#include "octet/v1/jobs.grpc.pb.h"
#include "scheduler/server/admission.h"
#include "scheduler/server/controller.h"
#include "scheduler/server/gate.h"
#include "scheduler/server/job_spec.h"
#include "scheduler/server/workers.h"

namespace octet::scheduler {

/// As jobs.proto says. Everything it is given must outlive it.
class JobService final : public v1::JobService::WithCallbackMethod_CreateJob<
                             v1::JobService::WithCallbackMethod_WatchJob<v1::JobService::Service>> {
 public:
  JobService(const Gate& gate, Controller& controller, Admission& admission, JobSpecRules rules)
      : gate_(gate), controller_(controller), admission_(admission), rules_(std::move(rules)) {}

  // No thread waits for the disk: as many calls may wait as are admitted.
  grpc::ServerUnaryReactor* CreateJob(grpc::CallbackServerContext* context,
                                      const v1::CreateJobRequest* request,
                                      v1::Job* response) override;
  grpc::Status GetJob(grpc::ServerContext* context, const v1::GetJobRequest* request,
                      v1::Job* response) override;
  grpc::Status ListJobs(grpc::ServerContext* context, const v1::ListJobsRequest* request,
                        v1::ListJobsResponse* response) override;
  grpc::ServerWriteReactor<v1::Job>* WatchJob(grpc::CallbackServerContext* context,
                                              const v1::WatchJobRequest* request) override;
  grpc::Status CancelJob(grpc::ServerContext* context, const v1::CancelJobRequest* request,
                         v1::Job* response) override;
  grpc::Status HoldJob(grpc::ServerContext* context, const v1::HoldJobRequest* request,
                       v1::Job* response) override;
  grpc::Status ReleaseJob(grpc::ServerContext* context, const v1::ReleaseJobRequest* request,
                          v1::Job* response) override;
  grpc::Status RequeueJob(grpc::ServerContext* context, const v1::RequeueJobRequest* request,
                          v1::Job* response) override;
  grpc::Status SignalJob(grpc::ServerContext* context, const v1::SignalJobRequest* request,
                         v1::SignalJobResponse* response) override;
  grpc::Status SendInput(grpc::ServerContext* context, const v1::SendInputRequest* request,
                         v1::SendInputResponse* response) override;
  grpc::Status WhyJob(grpc::ServerContext* context, const v1::WhyJobRequest* request,
                      v1::WhyJobResponse* response) override;

 private:
  /// Answers a call with the job as `change` left it.
  grpc::Status Change(grpc::ServerContext* context, const char* method,
                      const google::protobuf::Message& request, v1::Job* response,
                      const std::function<absl::StatusOr<JobView>()>& change);
  absl::Status Complete(v1::JobSpec& spec, bool files) const;
  /// Answers the call now or when the job is stored.
  void Create(const v1::CreateJobRequest& request, const v1::Principal& caller,
              const std::function<void(const absl::StatusOr<JobView>&)>& answer);
  /// Makes of what was submitted what is to be stored.
  absl::Status Prepare(CreateRequest& create) const;

  const Gate& gate_;
  Controller& controller_;
  Admission& admission_;
  const JobSpecRules rules_;
  Workers workers_{4};  // last: ends before what it uses
};

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_JOB_SERVICE_H_
