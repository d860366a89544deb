#ifndef OCTET_SCHEDULER_SERVER_AGENT_SERVICE_H_
#define OCTET_SCHEDULER_SERVER_AGENT_SERVICE_H_

#include "octet/v1/agents.grpc.pb.h"
#include "scheduler/server/artifact_store.h"
#include "scheduler/server/controller.h"
#include "scheduler/server/gate.h"
#include "scheduler/server/log_store.h"

namespace octet::scheduler {

/// As agents.proto says. Everything it is given must outlive it.
class AgentService final
    : public v1::AgentService::WithCallbackMethod_Connect<v1::AgentService::Service> {
 public:
  AgentService(const Gate& gate, Controller& controller, LogStore& logs, ArtifactStore& artifacts)
      : gate_(gate), controller_(controller), logs_(logs), artifacts_(artifacts) {}

  grpc::ServerBidiReactor<v1::AgentMessage, v1::SchedulerMessage>* Connect(
      grpc::CallbackServerContext* context) override;
  grpc::Status AppendLog(grpc::ServerContext* context, const v1::AppendLogRequest* request,
                         v1::AppendLogResponse* response) override;

 private:
  const Gate& gate_;
  Controller& controller_;
  LogStore& logs_;
  ArtifactStore& artifacts_;
};

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_AGENT_SERVICE_H_
