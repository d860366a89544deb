// Unary calls over a Unix socket without gRPC's start.
#ifndef OCTET_CLIENT_SHORT_CALL_H_
#define OCTET_CLIENT_SHORT_CALL_H_

#include <string>

#include "absl/time/time.h"
#include "google/protobuf/message_lite.h"
#include "grpcpp/support/status.h"

namespace octet::client {

/// How long each part of a call may take.
struct ShortCallLimits {
  absl::Duration first_contact;  // until the server is heard
  absl::Duration call = absl::Seconds(30);
};

/// How a call ended, and whether its server was heard at all.
struct ShortCallResult {
  grpc::Status status;
  bool heard = false;
};

/// Calls `method`, such as "/octet.v1.JobService/GetJob", of the server on the
/// socket `path`, on a connection of its own: gRPC over HTTP/2 as its
/// PROTOCOL-HTTP2.md has it, without compression. The request is sent only once
/// the server was heard, so that a call which was given up as unreachable is
/// never made. UNAVAILABLE: nothing listens, or the connection broke.
/// RESOURCE_EXHAUSTED is repeated as gRPC's retry policy would: up to five
/// calls, after the delay that the server tells. Thread-safe.
ShortCallResult ShortCall(const std::string& path, const std::string& method,
                          const ShortCallLimits& limits,
                          const google::protobuf::MessageLite& request,
                          google::protobuf::MessageLite* response);

}  // namespace octet::client

#endif  // OCTET_CLIENT_SHORT_CALL_H_
