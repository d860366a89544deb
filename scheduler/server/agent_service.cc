#include "scheduler/server/agent_service.h"

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "scheduler/server/agent_stream.h"
#include "scheduler/server/handler.h"

namespace octet::scheduler {
namespace {

constexpr size_t kMostLogBytes = 256 << 10;

}  // namespace

grpc::ServerBidiReactor<v1::AgentMessage, v1::SchedulerMessage>* AgentService::Connect(
    grpc::CallbackServerContext* context) {
  const auto call = gate_.Admit(*context, "AgentService/Connect", nullptr);
  if (!call.ok()) return AgentStream::Refuse(call.status());
  return AgentStream::Start(controller_, artifacts_, gate_, *call);
}

grpc::Status AgentService::AppendLog(grpc::ServerContext* context,
                                     const v1::AppendLogRequest* request,
                                     v1::AppendLogResponse* response) {
  return Answer(
      gate_, *context, "AgentService/AppendLog", *request,
      [&](const v1::Principal&) -> absl::Status {
        if (request->data().size() > kMostLogBytes)
          return absl::InvalidArgumentError(absl::StrCat("data: ", request->data().size(),
                                                         " bytes are more than ", kMostLogBytes));
        const std::string& job_id = request->ref().job_id();
        // Logs of older attempts are taken too: each has its own, and its last
        // lines say why it ended.
        ASSIGN_OR_RETURN(const Controller::AttemptView attempt,
                         controller_.FindAttempt(job_id, request->ref().attempt()));
        const RankLog log{.job_id = job_id, .attempt = attempt.attempt, .rank = request->rank()};
        ASSIGN_OR_RETURN(const int64_t size,
                         logs_.Append(log, request->stream(), request->offset(), request->data()));
        response->set_size(size);
        return absl::OkStatus();
      });
}

}  // namespace octet::scheduler
