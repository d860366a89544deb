// Processes that an agent started and lost.
#ifndef OCTET_WORKER_AGENT_LEFTOVERS_H_
#define OCTET_WORKER_AGENT_LEFTOVERS_H_

#include <map>
#include <string>

namespace octet::agent {

/// Kills every process but this one that was started with all of `marks` (at
/// least one) in its environment, and waits until it is gone, up to 5 s. Keepers leave nothing
/// as a rule; this is for what outlived a keeper that was killed. Never a stranger: what is looked
/// at is what is killed.
void KillMarked(const std::map<std::string, std::string>& marks);

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_LEFTOVERS_H_
