// One unary call.
#ifndef OCTET_CLIENT_CALL_H_
#define OCTET_CLIENT_CALL_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/command.h"
#include "client/connection.h"
#include "common/status.h"

namespace octet::client {

/// Call<v1::JobService>(context, "GetJob", &v1::JobService::StubInterface::GetJob, request).
/// UNAVAILABLE when the scheduler cannot be reached. Thread-safe.
template <typename Service, typename Request, typename Response>
absl::StatusOr<Response> Call(Context& context, const char* name,
                              grpc::Status (Service::StubInterface::*method)(grpc::ClientContext*,
                                                                             const Request&,
                                                                             Response*),
                              const Request& request) {
  Response response;
  if (IsUnixSocket(context.server)) {
    const std::string path = absl::StrCat("/", Service::service_full_name(), "/", name);
    RETURN_IF_ERROR(CallOnSocket(context, path, request, &response));
    return response;
  }
  RETURN_IF_ERROR(WaitForScheduler(context));
  grpc::ClientContext call;
  SetCallDeadline(call);
  const auto stub = Service::NewStub(context.Channel());
  RETURN_IF_ERROR(StatusOfCall(context, ((*stub).*method)(&call, request, &response)));
  return response;
}

}  // namespace octet::client

#endif  // OCTET_CLIENT_CALL_H_
