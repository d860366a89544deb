// All that is known when an attempt has ended badly.
#ifndef OCTET_WORKER_FAILURE_EVIDENCE_H_
#define OCTET_WORKER_FAILURE_EVIDENCE_H_

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "worker/failure/position.h"

namespace octet::failure {

/// Who sent the signal that ended the process.
enum class Sender {
  kElsewhere,  // the process itself, the kernel, or somebody else on the machine
  kAgent,
  kUser,  // `octet signal`
};

/// Why the ranks were asked to leave before they ended.
enum class StopCause { kNone, kCancelled, kTimeLimit, kPreempted };

/// Where the agent of the rank's node is.
enum class AgentState {
  kThere,
  kGone,        // another life of it came back, or it left and took the ranks along
  kNodeSilent,  // nothing is heard of its node
};

/// What the machine says, since the attempt began.
struct NodeFacts {
  /// Processes that the kernel killed for want of memory, in the ranks' cgroup.
  int64_t oom_kills = 0;
  /// Of the fullest file system that the job writes to, and of /dev/shm.
  int64_t disk_free_bytes = std::numeric_limits<int64_t>::max();
  int64_t shm_free_bytes = std::numeric_limits<int64_t>::max();
  /// Of all TCP segments sent, those sent again: 0 to 1.
  double retransmitted = 0;
  /// Lines of the kernel's log.
  std::vector<std::string> kernel_log;
};

struct Evidence {
  /// A program of Octet's, which says what is wrong when it can; a user's
  /// command knows nothing of that.
  bool is_command = false;
  int exit_code = 0;
  int signal = 0;
  Sender sender = Sender::kElsewhere;
  StopCause stop = StopCause::kNone;
  AgentState agent = AgentState::kThere;
  /// Why no rank was started at all; empty: they were.
  std::string start_error;
  /// What the rank itself said, and whether it called that an echo of another
  /// rank's failure, or the machine's fault.
  std::string report;
  bool report_is_echo = false;
  bool report_blames_machine = false;
  /// The last lines of its stderr.
  std::vector<std::string> stderr_tail;
  /// Ranks of the attempt that stand still; empty: none does, or nobody knows.
  std::vector<RankPosition> standing;
  NodeFacts node;
};

}  // namespace octet::failure

#endif  // OCTET_WORKER_FAILURE_EVIDENCE_H_
