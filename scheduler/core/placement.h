// Where a gang goes: as few nodes as will do, the fullest that can hold it,
// under one switch where there is room.
#ifndef OCTET_SCHEDULER_CORE_PLACEMENT_H_
#define OCTET_SCHEDULER_CORE_PLACEMENT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "scheduler/core/cluster.h"
#include "scheduler/core/types.h"

namespace octet::scheduler {

/// The slots that a gang gets on one node.
struct NodeShare {
  std::string node;
  std::vector<int> slot_indices;
  std::vector<std::string> endpoints;  // of the slots
};

/// How many of a node's free slots a job may use, at most `free`.
using Allowance = absl::FunctionRef<int(const Node& node, int free)>;

/// `slots` slots for the gang, all of them or nullopt. A gang that fits on one
/// node goes to the one with the fewest slots left over, so that whole nodes
/// stay free. gang.nodes > 0: exactly that many, the same number of slots on
/// each.
std::optional<std::vector<NodeShare>> PlaceGang(const Gang& gang, int slots, const Cluster& cluster,
                                                Allowance allowance);

/// Whether PlaceGang would find room if all that is free were allowed, without
/// looking for it.
bool HasFree(const Gang& gang, int slots, const Cluster& cluster);

/// Sizes that the gang may run with, the largest first, none above `most`
/// unless that is 0.
std::vector<int> SizesOf(const Gang& gang, int most);

/// Whether empty nodes, all that are known, could hold the gang's smallest size.
bool CouldEverHold(const Gang& gang, const Cluster& cluster);

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_CORE_PLACEMENT_H_
