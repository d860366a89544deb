// What all handlers have in common.
#ifndef OCTET_SCHEDULER_SERVER_HANDLER_H_
#define OCTET_SCHEDULER_SERVER_HANDLER_H_

#include <utility>

#include "absl/status/status.h"
#include "common/grpc_status.h"
#include "grpcpp/grpcpp.h"
#include "scheduler/server/gate.h"
#include "scheduler/server/source_stream.h"

namespace octet::scheduler {

/// Runs a unary handler for who calls, if the gate lets them in.
/// handler: absl::Status(const v1::Principal&).
template <typename Handler>
grpc::Status Answer(const Gate& gate, const grpc::ServerContextBase& context, const char* method,
                    const google::protobuf::Message& request, Handler&& handler) {
  const auto call = gate.Admit(context, method, &request);
  if (!call.ok()) return ToGrpc(call.status());
  const absl::Status status = std::forward<Handler>(handler)(call->caller);
  gate.Record(*call, status);
  return ToGrpc(status);
}

/// A stream that ends with `status` and sends nothing.
template <typename Message>
grpc::ServerWriteReactor<Message>* Refuse(const absl::Status& status) {
  auto* stream = new SourceStream<Message>([status](Message&) {
    return Pulled{Pulled::kEnd, status};
  });
  stream->Start();
  return stream;
}

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_HANDLER_H_
