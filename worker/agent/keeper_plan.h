// What an agent tells a keeper to start: one piece of memory that both see.
#ifndef OCTET_WORKER_AGENT_KEEPER_PLAN_H_
#define OCTET_WORKER_AGENT_KEEPER_PLAN_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "worker/agent/rank_command.h"

namespace octet::agent {

struct RankPlan {
  const char* program = nullptr;
  char* const* argv = nullptr;
  char* const* env = nullptr;  // The whole of it.
  const char* cwd = nullptr;   // Null: the agent's.
  const char* out = nullptr;   // Files, made and appended to; null: the agent's.
  const char* err = nullptr;
  bool input = false;  // stdin is the pipe; else /dev/null.
  pid_t pid = -1;      // The keeper's: while the rank runs.
};

/// What the keeper tells the agent: packets of these.
struct KeeperNews {
  enum Kind : int32_t {
    kStarted,     // value: pid. One for each rank, all in the first packet.
    kNotStarted,  // value: errno; step: at what. Alone, in place of the above.
    kEnded,       // value: the status that waitpid gave.
    kGone,        // Nothing is left of the ranks. Alone, in the last packet.
  };
  enum Step : int32_t { kFork, kChdir, kIn, kOut, kErr, kExec, kConfine };
  Kind kind;
  int32_t index;  // Of the rank in the plan.
  int32_t value;
  Step step;
};

/// Begins the image of a plan, which holds all that it points to.
struct KeeperPlan {
  RankPlan* ranks = nullptr;
  KeeperNews* news = nullptr;  // The keeper's: room for one of each rank.
  size_t count = 0;
};

/// The image of a plan for `commands`. Every pointer in it is an offset from its begin; 0 is null.
std::string PlanImage(const std::vector<RankCommand>& commands);

/// Makes pointers of the offsets in an image, which is aligned as malloc does.
/// Allocates nothing.
KeeperPlan& OpenPlanImage(char* image);

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_KEEPER_PLAN_H_
