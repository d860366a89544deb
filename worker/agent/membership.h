// This node's place in the cluster: the way to the scheduler, and the
// certificate that proves which node calls.
#ifndef OCTET_WORKER_AGENT_MEMBERSHIP_H_
#define OCTET_WORKER_AGENT_MEMBERSHIP_H_

#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "identity/tls.h"
#include "worker/agent/calls.h"
#include "worker/agent/options.h"

namespace octet::agent {

/// Over a Unix socket there is nothing to prove. Over TLS the node needs a
/// certificate: the first comes from the scheduler against a join token, and a
/// thread renews it at two thirds of its life, with a new key each time, for as
/// long as this lives. Connections that begin later use the new one.
class Membership {
 public:
  /// Joins, unless the folder holds a certificate of this node that has not
  /// ended. FAILED_PRECONDITION: there is none and no token either, or it is
  /// another node's; UNAVAILABLE: the scheduler did not answer within half a
  /// minute; others as JoinNode's. All say what to do.
  static absl::StatusOr<std::unique_ptr<Membership>> Open(const AgentOptions& options);
  ~Membership();

  /// Looks for an absent scheduler at least every second.
  const std::shared_ptr<grpc::Channel>& scheduler() const { return scheduler_; }

 private:
  Membership(const AgentOptions& options, std::shared_ptr<grpc::Channel> scheduler)
      : folder_{options.tls}, node_(options.node), scheduler_(std::move(scheduler)) {}
  void KeepRenewing();
  absl::Status Renew();

  const identity::TlsFolder folder_;
  const std::string node_;
  const std::shared_ptr<grpc::Channel> scheduler_;
  Cancellation stop_;
  std::thread renewer_;
};

/// When to renew a certificate.
absl::Time RenewalTime(const identity::CertificateInfo& certificate);

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_MEMBERSHIP_H_
