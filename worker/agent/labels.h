// A node's labels from a file.
#ifndef OCTET_WORKER_AGENT_LABELS_H_
#define OCTET_WORKER_AGENT_LABELS_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace octet::agent {

/// A label a line: KEY=VALUE, or KEY="VALUE" with Go's escapes, as a volume of
/// Kubernetes' downward API has them. Empty lines and those that begin with #
/// do not count. The last of a key holds. INVALID_ARGUMENT names the line.
absl::StatusOr<std::map<std::string, std::string>> ParseLabels(const std::string& text);

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_LABELS_H_
