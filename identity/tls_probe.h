// Why a TLS connection cannot be made, in words: gRPC does not tell.
#ifndef OCTET_IDENTITY_TLS_PROBE_H_
#define OCTET_IDENTITY_TLS_PROBE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace octet::identity {

/// Dials HOST:PORT as CallerCredentials would, and says what is in the way.
/// UNAVAILABLE: nobody listens there, or now nothing is in the way any more;
/// NOT_FOUND: the host has no address; FAILED_PRECONDITION: who answers speaks
/// no TLS, or its certificate is another authority's, another host's, or has
/// ended. Waits up to `patience` for each step.
absl::Status ProbeTls(const std::string& address, const std::string& authority,
                      absl::Duration patience = absl::Seconds(3));

}  // namespace octet::identity

#endif  // OCTET_IDENTITY_TLS_PROBE_H_
