// A health service for probes that speak no TLS.
#ifndef OCTET_COMMON_HEALTH_ENDPOINT_H_
#define OCTET_COMMON_HEALTH_ENDPOINT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/server.h"

namespace octet {

/// grpc.health.v1 and nothing else, in plain text. The service "" is SERVING as
/// long as the process lives, for liveness; "ready" as SetReady says, for
/// readiness. Thread-safe.
class HealthEndpoint {
 public:
  /// address: host:port, port 0 for any. Not ready yet. UNAVAILABLE: it is in
  /// use.
  static absl::StatusOr<std::unique_ptr<HealthEndpoint>> Start(const std::string& address);
  ~HealthEndpoint();

  void SetReady(bool ready);

  /// host:port that is bound.
  const std::string& address() const { return address_; }

 private:
  HealthEndpoint() = default;

  grpc::CallbackGenericService others_;  // UNIMPLEMENTED
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace octet

#endif  // OCTET_COMMON_HEALTH_ENDPOINT_H_
