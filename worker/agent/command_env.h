// What the frameworks read to find their peers; docs/command-jobs.md says
// which reads what.
#ifndef OCTET_WORKER_AGENT_COMMAND_ENV_H_
#define OCTET_WORKER_AGENT_COMMAND_ENV_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "octet/v1/agents.pb.h"
#include "worker/agent/rank_command.h"

namespace octet::agent {

/// For each of start's ranks on this node, in order: the variables of every
/// framework, the job's own over them, and Octet's (OCTET_*) over all.
/// start's slots are ones of `host`. INVALID_ARGUMENT: not one endpoint a rank,
/// or one that is not host:port.
absl::StatusOr<std::vector<std::map<std::string, std::string>>> CommandEnvironments(
    const v1::StartAttempt& start, const RankHost& host);

/// The first rank of each node of the gang. A gang with a number of nodes has
/// the same number of ranks on each; else ranks are on one node as long as
/// their endpoints have one host.
std::vector<int> FirstRanks(const v1::StartAttempt& start);

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_COMMAND_ENV_H_
