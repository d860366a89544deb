// The cluster in figures, for whoever watches it.
#ifndef OCTET_SCHEDULER_SERVER_CLUSTER_FIGURES_H_
#define OCTET_SCHEDULER_SERVER_CLUSTER_FIGURES_H_

#include <map>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "scheduler/core/core.h"

namespace octet::scheduler {

/// What is counted at the moment of a scrape.
struct ClusterFigures {
  struct TeamFigures {
    int pending = 0, running = 0;            // jobs
    std::map<std::string, int> used, quota;  // slots by resource
    double weight = 0;
    double mean_slots = 0;
  };
  struct ResourceFigures {
    /// Slots by state: free, used, and away, which are those of nodes that take
    /// no new work and that no job holds.
    std::map<std::string, int> slots;
    int most_free_on_a_node = 0;
  };

  int connected_agents = 0;
  std::map<std::string, int> pending;            // jobs by why they wait, such as "quota"
  std::map<std::string, TeamFigures> teams;      // by name
  std::map<std::string, ResourceFigures> slots;  // by resource
  std::map<std::string, int> nodes;              // by state: ready, or as in nodes_away
  /// Why a node takes no new work: lost, drained, quarantined, disconnected or
  /// unfit. By name, the first 100.
  std::map<std::string, std::string> nodes_away;
};

/// All but connected_agents. Its cost grows with teams, nodes out of use, kinds
/// of pending jobs, and those that wait for others; not with all jobs or nodes.
ClusterFigures FiguresOf(const Core& core, absl::Time now);

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_CLUSTER_FIGURES_H_
