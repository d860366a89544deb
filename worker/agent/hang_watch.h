// Finds the rank that the others wait for.
#ifndef OCTET_WORKER_AGENT_HANG_WATCH_H_
#define OCTET_WORKER_AGENT_HANG_WATCH_H_

#include <sys/types.h>

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "worker/failure/position.h"
#include "worker/failure/position_file.h"

namespace octet::agent {

/// What is seen of one rank at one moment.
struct RankSight {
  int rank = 0;
  std::optional<failure::Place> place;  // Nothing: it has not said.
  failure::RunState state = failure::RunState::kRuns;
};

/// Looks at the positions of one attempt's ranks on this node, again and again.
///
/// A rank that waits in a collective waits for others and is not to blame, so
/// every node can judge its own ranks: the guilty one is where a rank stands
/// still elsewhere. It does when it has made no progress for `hang_after`, and
/// for ten times its usual step; while it saves, or makes its first step, it
/// has some minutes. A rank in its start is judged only when it does not run.
/// These limits end before the ranks' own collectives give up (TrainerOptions).
/// Not thread-safe.
class HangWatch {
 public:
  /// hang_after: infinite for never.
  explicit HangWatch(absl::Duration hang_after) : hang_after_(hang_after) {}

  /// How often to look.
  absl::Duration interval() const;
  /// elapsed: since the last look. Time in which this process did not run
  /// itself is not held against the ranks. The rank that is behind, if one is.
  std::optional<failure::RankPosition> Look(absl::Duration elapsed,
                                            const std::vector<RankSight>& sights);

 private:
  struct Track {
    std::optional<failure::Place> place;
    absl::Duration standing;           // At this place.
    absl::Duration stepping;           // Since the step changed.
    std::deque<absl::Duration> steps;  // How long the newest ones took.
  };
  void Follow(Track& track, const RankSight& sight, absl::Duration elapsed) const;
  absl::Duration Limit(const Track& track, failure::RunState state) const;

  absl::Duration hang_after_;
  std::map<int, Track> tracks_;  // By rank.
};

/// As /proc says; a process that is gone runs.
failure::RunState RunStateOf(pid_t pid);

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_HANG_WATCH_H_
