#ifndef OCTET_SCHEDULER_SERVER_EVENT_SERVICE_H_
#define OCTET_SCHEDULER_SERVER_EVENT_SERVICE_H_

#include "octet/v1/events.grpc.pb.h"
#include "scheduler/server/controller.h"
#include "scheduler/server/gate.h"

namespace octet::scheduler {

/// As events.proto says. Everything it is given must outlive it.
class EventService final : public v1::EventService::Service {
 public:
  EventService(const Gate& gate, Controller& controller) : gate_(gate), controller_(controller) {}

  grpc::Status ListEvents(grpc::ServerContext* context, const v1::ListEventsRequest* request,
                          v1::ListEventsResponse* response) override;

 private:
  const Gate& gate_;
  Controller& controller_;
};

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_EVENT_SERVICE_H_
