#ifndef OCTET_SCHEDULER_SERVER_LOG_SERVICE_H_
#define OCTET_SCHEDULER_SERVER_LOG_SERVICE_H_

#include "octet/v1/logs.grpc.pb.h"
#include "scheduler/server/controller.h"
#include "scheduler/server/gate.h"
#include "scheduler/server/log_store.h"

namespace octet::scheduler {

/// As logs.proto says. Everything it is given must outlive it.
class LogService final
    : public v1::LogService::WithCallbackMethod_ReadLog<v1::LogService::Service> {
 public:
  LogService(const Gate& gate, Controller& controller, LogStore& logs)
      : gate_(gate), controller_(controller), logs_(logs) {}

  grpc::ServerWriteReactor<v1::ReadLogResponse>* ReadLog(
      grpc::CallbackServerContext* context, const v1::ReadLogRequest* request) override;

 private:
  const Gate& gate_;
  Controller& controller_;
  LogStore& logs_;
};

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_LOG_SERVICE_H_
