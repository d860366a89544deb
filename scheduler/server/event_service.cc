#include "scheduler/server/event_service.h"

#include <algorithm>
#include <vector>

#include "common/status.h"
#include "scheduler/server/handler.h"

namespace octet::scheduler {
namespace {

constexpr int kDefaultPage = 200, kMostPage = 1000;

}  // namespace

grpc::Status EventService::ListEvents(grpc::ServerContext* context,
                                      const v1::ListEventsRequest* request,
                                      v1::ListEventsResponse* response) {
  return Answer(gate_, *context, "EventService/ListEvents", *request,
                [&](const v1::Principal& caller) -> absl::Status {
                  if (!caller.team().empty() && request->job_id().empty())
                    return absl::PermissionDeniedError(absl::StrCat(
                        "job_id: your rights end at team ", caller.team(), ": name a job of it"));
                  if (request->page_size() < 0)
                    return absl::InvalidArgumentError("page_size: is less than 0");
                  const int size = request->page_size() == 0
                                       ? kDefaultPage
                                       : std::min(request->page_size(), kMostPage);
                  ASSIGN_OR_RETURN(
                      const std::vector<v1::Event> events,
                      controller_.ListEvents(request->job_id(), request->after_sequence(), size));
                  response->mutable_events()->Add(events.begin(), events.end());
                  return absl::OkStatus();
                });
}

}  // namespace octet::scheduler
