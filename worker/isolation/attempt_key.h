// By what the ranks of an attempt show the agent that they are: every job on
// the node reaches the same socket.
#ifndef OCTET_WORKER_ISOLATION_ATTEMPT_KEY_H_
#define OCTET_WORKER_ISOLATION_ATTEMPT_KEY_H_

#include <string>

#include "absl/status/statusor.h"

namespace octet::isolation {

/// Metadata of every call to RankService; its value is the attempt's key.
inline constexpr char kAttemptKeyMetadata[] = "octet-attempt-key";

/// 128 random bits from the kernel, as 32 characters.
absl::StatusOr<std::string> NewAttemptKey();

}  // namespace octet::isolation

#endif  // OCTET_WORKER_ISOLATION_ATTEMPT_KEY_H_
