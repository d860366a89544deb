// The keeper's own side: what runs in the forked child.
#ifndef OCTET_WORKER_AGENT_KEEPER_PROCESS_H_
#define OCTET_WORKER_AGENT_KEEPER_PROCESS_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace octet::agent {

/// One rank, laid out before the fork.
struct RankPlan {
  const char* program = nullptr;
  char* const* argv = nullptr;
  char* const* env = nullptr;
  const char* cwd = nullptr;  // Null: the agent's.
  const char* out = nullptr;  // Files, made and appended to; null: the agent's.
  const char* err = nullptr;
  int in = -1;     // Becomes stdin; -1: /dev/null.
  pid_t pid = -1;  // The keeper's: while the rank runs.
};

/// What the keeper tells the agent: packets of these.
struct KeeperNews {
  enum Kind : int32_t {
    kStarted,     // value: pid. One for each rank, all in the first packet.
    kNotStarted,  // value: errno; step: at what. Alone, in place of the above.
    kEnded,       // value: the status that waitpid gave.
  };
  enum Step : int32_t { kFork, kChdir, kIn, kOut, kErr, kExec };
  Kind kind;
  int32_t index;  // Of the rank in the plan.
  int32_t value;
  Step step;
};

struct KeeperPlan {
  RankPlan* ranks = nullptr;
  KeeperNews* news = nullptr;  // Room for one of each rank.
  size_t count = 0;
  int control = -1;  // SOCK_SEQPACKET; the agent sends signals, as int32_t.
  // For a rank between its clone and its exec.
  char* stack = nullptr;
  size_t stack_bytes = 0;
};

/// Starts the ranks, passes on signals to their process groups, tells of their
/// ends, and kills whatever of their descendants is left when the last has
/// ended or the agent's end of `control` is closed; then ends. Call with all
/// signals blocked, in a child forked from any thread: it allocates nothing
/// and takes no lock.
[[noreturn]] void RunKeeper(const KeeperPlan& plan);

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_KEEPER_PROCESS_H_
