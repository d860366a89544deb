// Who calls.
#ifndef OCTET_SCHEDULER_SERVER_AUTHENTICATOR_H_
#define OCTET_SCHEDULER_SERVER_AUTHENTICATOR_H_

#include "absl/status/statusor.h"
#include "grpcpp/server_context.h"
#include "octet/v1/identity.pb.h"
#include "scheduler/server/node_book.h"
#include "scheduler/server/token_book.h"

namespace octet::scheduler {

/// Says who is behind a call. Thread-safe.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  /// UNAUTHENTICATED: the call does not prove who makes it, and why.
  virtual absl::StatusOr<v1::Principal> Identify(const grpc::ServerContextBase& context) const = 0;
};

/// By the way that a call came. Without TLS it came over the Unix socket: who
/// can open that is the user that the scheduler runs as. With TLS a token
/// counts, else the certificate of a node.
class CallerCheck final : public Authenticator {
 public:
  /// Both must outlive this.
  CallerCheck(const TokenBook& tokens, const NodeBook& nodes);
  absl::StatusOr<v1::Principal> Identify(const grpc::ServerContextBase& context) const override;

 private:
  const TokenBook& tokens_;
  const NodeBook& nodes_;
  const v1::Principal local_user_;
};

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_AUTHENTICATOR_H_
