// Whether a node is fit for work.
#ifndef OCTET_WORKER_AGENT_HEALTH_H_
#define OCTET_WORKER_AGENT_HEALTH_H_

#include <cstdint>
#include <string>
#include <vector>

namespace octet::agent {

/// What a node must have free in a folder so that work makes sense there.
struct RoomNeeded {
  std::string folder;
  int64_t bytes = 0;
};

/// For an agent with the folder `dir`: its disk, and the memory that
/// frameworks pass tensors through.
std::vector<RoomNeeded> RoomNeededBy(const std::string& dir);

/// Why the node is unfit, a sentence each: a folder that has too little room,
/// is read-only, or cannot be read. One that does not exist is not missed.
/// Cheap: a system call a folder.
std::vector<std::string> ProblemsOf(const std::vector<RoomNeeded>& needed);

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_HEALTH_H_
