#include "scheduler/server/job_service.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "scheduler/server/codec.h"
#include "scheduler/server/handler.h"
#include "scheduler/server/job_filter.h"
#include "scheduler/server/sweep.h"

namespace octet::scheduler {
namespace {

constexpr size_t kMostRequestId = 64;
constexpr size_t kMostInputBytes = 256 << 10;
constexpr int kDefaultPage = 50, kMostPage = 1000;

}  // namespace

// files: those that the job names are looked into; once for a sweep, for they
// may be large and its trials many.
absl::Status JobService::Complete(v1::JobSpec& spec, bool files) const {
  FillDefaults(spec, controller_.DefaultResource());
  JobSpecRules rules = rules_;
  rules.shared_filesystem = rules.shared_filesystem && files;
  return ValidateJobSpec(spec, rules);
}

absl::Status JobService::Prepare(CreateRequest& create) const {
  ASSIGN_OR_RETURN(create.trials, TrialsOf(create.spec));
  for (v1::JobSpec& trial : create.trials)
    RETURN_IF_ERROR(Annotate(Complete(trial, &trial == &create.trials.front()),
                             absl::StrCat("trial ", &trial - create.trials.data())));
  if (create.trials.empty()) return Complete(create.spec, true);
  create.spec = create.trials.front();
  return absl::OkStatus();
}

// Who has rights in one team only makes jobs of that team, and need not say so.
absl::Status Limit(v1::JobSpec& spec, const v1::Principal& caller) {
  if (caller.team().empty()) return absl::OkStatus();
  if (spec.team().empty()) spec.set_team(caller.team());
  if (spec.team() == caller.team()) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("team: your rights end at team ", caller.team(),
                                                  ", and the job names ", spec.team()));
}

void JobService::Create(const v1::CreateJobRequest& request, const v1::Principal& caller,
                        const std::function<void(const absl::StatusOr<JobView>&)>& answer) {
  if (request.request_id().size() > kMostRequestId)
    return answer(absl::InvalidArgumentError(
        absl::StrCat("request_id: has more than ", kMostRequestId, " characters")));
  CreateRequest create{.owner = caller.name(),
                       .request_id = request.request_id(),
                       .submitted = request.spec(),
                       .spec = request.spec()};
  if (const absl::Status wrong = Limit(create.spec, caller); !wrong.ok()) return answer(wrong);
  const auto stored = [this, answer](const absl::StatusOr<JobId>& id) {
    answer(id.ok() ? controller_.GetJob(FormatJobId(*id)) : id.status());
  };
  // A repeated call gets its job also when the world, and with it the verdict
  // on the spec, has changed since.
  const absl::StatusOr<bool> made = controller_.FindRequest(create, stored);
  if (!made.ok()) return answer(made.status());
  if (*made) return;
  if (const absl::Status wrong = Prepare(create); !wrong.ok()) return answer(wrong);
  if (request.validate_only()) return answer(controller_.Preview(create));
  if (const absl::Status begun = controller_.BeginCreate(create, stored); !begun.ok())
    answer(begun);
}

grpc::ServerUnaryReactor* JobService::CreateJob(grpc::CallbackServerContext* context,
                                                const v1::CreateJobRequest* request,
                                                v1::Job* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto call = gate_.Admit(*context, "JobService/CreateJob", request);
  auto ticket = call.ok() ? admission_.Enter(*context) : call.status();
  if (!ticket.ok()) {
    reactor->Finish(ToGrpc(ticket.status()));
    return reactor;
  }
  const auto held = std::make_shared<Admission::Ticket>(*std::move(ticket));
  const auto answer = [this, reactor, response, held,
                       call = *call](const absl::StatusOr<JobView>& job) mutable {
    if (job.ok()) {
      *response = ToProto(*job);
      call.target = response->job_id();
    }
    gate_.Record(call, job.status());
    {
      // Before the answer: its caller may call again at once.
      const Admission::Ticket leaves = std::move(*held);
    }
    reactor->Finish(ToGrpc(job.status()));
  };
  const auto create = [this, request, caller = call->caller, answer] {
    Create(*request, caller, answer);
  };
  // Looking into files takes as long as it takes, and gRPC's few threads for
  // callbacks are those of the agents' streams too.
  if (rules_.shared_filesystem) {
    workers_.Run(create);
  } else {
    create();
  }
  return reactor;
}

grpc::Status JobService::GetJob(grpc::ServerContext* context, const v1::GetJobRequest* request,
                                v1::Job* response) {
  return Answer(gate_, *context, "JobService/GetJob", *request,
                [&](const v1::Principal&) -> absl::Status {
                  ASSIGN_OR_RETURN(const JobView job, controller_.GetJob(request->job_id()));
                  *response = ToProto(job);
                  return absl::OkStatus();
                });
}

grpc::Status JobService::ListJobs(grpc::ServerContext* context, const v1::ListJobsRequest* request,
                                  v1::ListJobsResponse* response) {
  return Answer(
      gate_, *context, "JobService/ListJobs", *request,
      [&](const v1::Principal& caller) -> absl::Status {
        ASSIGN_OR_RETURN(JobFilter filter, ParseJobFilter(request->filter()));
        if (!caller.team().empty()) {
          if (filter.team && *filter.team != caller.team())
            return absl::PermissionDeniedError(
                absl::StrCat("filter: your rights end at team ", caller.team()));
          filter.team = caller.team();
        }
        if (request->page_size() < 0)
          return absl::InvalidArgumentError("page_size: is less than 0");
        const int size =
            request->page_size() == 0 ? kDefaultPage : std::min(request->page_size(), kMostPage);
        // A page goes on below the last job of the one before: new jobs, which
        // have higher numbers, do not move it.
        JobId below = kNoJob;
        if (!request->page_token().empty()) {
          const auto last = ParseJobId(request->page_token());
          if (!last.ok())
            return absl::InvalidArgumentError("page_token: is not the next_page_token of a page");
          below = *last;
        }
        std::vector<JobView> jobs = controller_.ListJobs(filter, below, size + 1);
        const bool more = jobs.size() > static_cast<size_t>(size);
        if (more) jobs.pop_back();
        for (const JobView& job : jobs) *response->add_jobs() = ToProto(job);
        if (more) response->set_next_page_token(FormatJobId(jobs.back().job.id));
        return absl::OkStatus();
      });
}

grpc::ServerWriteReactor<v1::Job>* JobService::WatchJob(grpc::CallbackServerContext* context,
                                                        const v1::WatchJobRequest* request) {
  const auto call = gate_.Admit(*context, "JobService/WatchJob", request);
  if (!call.ok()) return Refuse<v1::Job>(call.status());
  auto* stream = new SourceStream<v1::Job>(
      [this, id = request->job_id(), shown = int64_t{-1}, ended = false](v1::Job& job) mutable {
        if (ended) return Pulled{Pulled::kEnd};
        const auto view = controller_.GetJob(id);
        if (!view.ok()) return Pulled{Pulled::kEnd, view.status()};
        if (view->version == shown) return Pulled{Pulled::kNothingYet};
        shown = view->version;
        ended = view->ended();
        job = ToProto(*view);
        return Pulled{Pulled::kMessage};
      });
  std::vector<Notifier::Subscription> subscriptions;
  subscriptions.push_back(controller_.Subscribe(request->job_id(), [stream] { stream->Wake(); }));
  stream->Start(std::move(subscriptions));
  return stream;
}

grpc::Status JobService::Change(grpc::ServerContext* context, const char* method,
                                const google::protobuf::Message& request, v1::Job* response,
                                const std::function<absl::StatusOr<JobView>()>& change) {
  return Answer(gate_, *context, method, request, [&](const v1::Principal&) -> absl::Status {
    ASSIGN_OR_RETURN(const Admission::Ticket ticket, admission_.Enter(*context));
    ASSIGN_OR_RETURN(const JobView job, change());
    *response = ToProto(job);
    return absl::OkStatus();
  });
}

grpc::Status JobService::CancelJob(grpc::ServerContext* context,
                                   const v1::CancelJobRequest* request, v1::Job* response) {
  return Change(context, "JobService/CancelJob", *request, response,
                [&] { return controller_.CancelJob(request->job_id(), request->reason()); });
}

grpc::Status JobService::HoldJob(grpc::ServerContext* context, const v1::HoldJobRequest* request,
                                 v1::Job* response) {
  return Change(context, "JobService/HoldJob", *request, response,
                [&] { return controller_.HoldJob(request->job_id(), request->reason()); });
}

grpc::Status JobService::ReleaseJob(grpc::ServerContext* context,
                                    const v1::ReleaseJobRequest* request, v1::Job* response) {
  return Change(context, "JobService/ReleaseJob", *request, response,
                [&] { return controller_.ReleaseJob(request->job_id()); });
}

grpc::Status JobService::RequeueJob(grpc::ServerContext* context,
                                    const v1::RequeueJobRequest* request, v1::Job* response) {
  return Change(context, "JobService/RequeueJob", *request, response,
                [&] { return controller_.RequeueJob(request->job_id(), request->reason()); });
}

grpc::Status JobService::SignalJob(grpc::ServerContext* context,
                                   const v1::SignalJobRequest* request, v1::SignalJobResponse*) {
  return Answer(gate_, *context, "JobService/SignalJob", *request, [&](const v1::Principal&) {
    return controller_.SignalJob(request->job_id(), request->signal());
  });
}

grpc::Status JobService::SendInput(grpc::ServerContext* context,
                                   const v1::SendInputRequest* request,
                                   v1::SendInputResponse* response) {
  return Answer(
      gate_, *context, "JobService/SendInput", *request, [&](const v1::Principal&) -> absl::Status {
        if (request->data().size() > kMostInputBytes)
          return absl::InvalidArgumentError(absl::StrCat("data: ", request->data().size(),
                                                         " bytes are more than ", kMostInputBytes));
        RETURN_IF_ERROR(controller_.SendInput(*request));
        response->set_size(request->offset() + static_cast<int64_t>(request->data().size()));
        return absl::OkStatus();
      });
}

grpc::Status JobService::WhyJob(grpc::ServerContext* context, const v1::WhyJobRequest* request,
                                v1::WhyJobResponse* response) {
  return Answer(gate_, *context, "JobService/WhyJob", *request,
                [&](const v1::Principal&) -> absl::Status {
                  OtherWishes wishes;
                  if (request->has_slots()) wishes.slots = request->slots();
                  if (request->has_nodes()) wishes.nodes = request->nodes();
                  if (request->has_priority()) wishes.priority = request->priority();
                  if (!request->team().empty()) wishes.team = request->team();
                  if (!request->time_limit().empty()) {
                    ASSIGN_OR_RETURN(wishes.time_limit, ParseTimeLimit(request->time_limit()));
                  }
                  ASSIGN_OR_RETURN(*response, controller_.Why(request->job_id(), wishes));
                  return absl::OkStatus();
                });
}

}  // namespace octet::scheduler
