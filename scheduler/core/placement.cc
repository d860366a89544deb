#include "scheduler/core/placement.h"

#include <algorithm>
#include <utility>

namespace octet::scheduler {
namespace {

using Chosen = std::vector<std::pair<const Node*, int>>;  // nodes and slots on each

// The fullest node that can take them all; null: none.
const Node* BestFit(int slots, const FreeIndex& index, Allowance allowance,
                    const Chosen& without = {}) {
  for (int free = slots; free <= index.most(); ++free)
    for (const Node* node : index.nodes(free)) {
      const bool used = std::any_of(without.begin(), without.end(),
                                    [&](const auto& chosen) { return chosen.first == node; });
      if (!used && allowance(*node, free) >= slots) return node;
    }
  return nullptr;
}

std::optional<Chosen> OnExactly(int nodes, int slots, const FreeIndex& index, Allowance allowance) {
  Chosen chosen;
  if (index.CountAtLeast(slots) < nodes) return std::nullopt;
  for (int free = slots; free <= index.most(); ++free)
    for (const Node* node : index.nodes(free)) {
      if (allowance(*node, free) < slots) continue;
      chosen.emplace_back(node, slots);
      if (static_cast<int>(chosen.size()) == nodes) return chosen;
    }
  return std::nullopt;
}

// Nodes with the most first; what is then left goes where it fits best.
std::optional<Chosen> OnAsFewAsWillDo(int slots, const FreeIndex& index, Allowance allowance) {
  if (const Node* one = BestFit(slots, index, allowance)) return Chosen{{one, slots}};
  Chosen chosen;
  if (index.total() < slots) return std::nullopt;
  for (int free = index.most(); free > 0; --free)
    for (const Node* node : index.nodes(free)) {
      const int allowed = allowance(*node, free);
      if (allowed <= 0) continue;
      if (allowed >= slots) {
        const Node* rest = BestFit(slots, index, allowance, chosen);
        chosen.emplace_back(rest, slots);
        return chosen;
      }
      chosen.emplace_back(node, allowed);
      slots -= allowed;
    }
  return std::nullopt;
}

std::optional<Chosen> Choose(const Gang& gang, int slots, const FreeIndex& index,
                             Allowance allowance) {
  return gang.nodes > 0 ? OnExactly(gang.nodes, slots / gang.nodes, index, allowance)
                        : OnAsFewAsWillDo(slots, index, allowance);
}

// Under the switch with the least free that can hold the whole gang.
std::optional<Chosen> UnderOneSwitch(const Gang& gang, int slots, const Pool& pool,
                                     Allowance allowance) {
  std::vector<std::pair<int, const FreeIndex*>> switches;  // by what is free, then by name
  for (const auto& [name, index] : pool.switches)
    if (!name.empty() && index.total() >= slots) switches.emplace_back(index.total(), &index);
  std::stable_sort(switches.begin(), switches.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [free, index] : switches)
    if (auto chosen = Choose(gang, slots, *index, allowance)) return chosen;
  return std::nullopt;
}

bool SpansNodes(const Gang& gang, int slots, const FreeIndex& index) {
  return gang.nodes > 1 || (gang.nodes == 0 && slots > index.most());
}

NodeShare Share(const Node& node, int slots, const std::string& resource) {
  NodeShare share{.node = node.name};
  for (const Slot& slot : node.slots) {
    if (static_cast<int>(share.slot_indices.size()) == slots) break;
    if (slot.resource != resource || slot.job != kNoJob) continue;
    share.slot_indices.push_back(slot.index);
    share.endpoints.push_back(slot.endpoint);
  }
  return share;
}

}  // namespace

std::optional<std::vector<NodeShare>> PlaceGang(const Gang& gang, int slots, const Cluster& cluster,
                                                Allowance allowance) {
  const std::string resource = cluster.ResourceOf(gang);
  const Pool& pool = cluster.pool(resource);
  if (pool.free.total() < slots) return std::nullopt;
  std::optional<Chosen> chosen = Choose(gang, slots, pool.free, allowance);
  // What the whole cluster cannot hold, no switch can.
  if (!chosen) return std::nullopt;
  if (SpansNodes(gang, slots, pool.free))
    if (auto together = UnderOneSwitch(gang, slots, pool, allowance)) chosen = std::move(together);
  std::vector<NodeShare> shares;
  for (const auto& [node, count] : *chosen) shares.push_back(Share(*node, count, resource));
  return shares;
}

bool HasFree(const Gang& gang, int slots, const Cluster& cluster) {
  const FreeIndex& free = cluster.pool(cluster.ResourceOf(gang)).free;
  if (gang.nodes == 0) return free.total() >= slots;
  return free.CountAtLeast(slots / gang.nodes) >= gang.nodes;
}

std::vector<int> SizesOf(const Gang& gang, int most) {
  if (!gang.elastic()) return {gang.slots};
  std::vector<int> sizes;
  for (int size = most > 0 ? std::min(most, gang.slots) : gang.slots; size >= gang.min_slots;
       --size)
    if (gang.divides == 0 || gang.divides % size == 0) sizes.push_back(size);
  return sizes;
}

bool CouldEverHold(const Gang& gang, const Cluster& cluster) {
  const std::vector<int> sizes = SizesOf(gang, 0);
  if (sizes.empty()) return false;
  const Pool& pool = cluster.pool(cluster.ResourceOf(gang));
  if (gang.nodes == 0) return pool.known >= sizes.back();
  int nodes = 0;
  for (const auto& [size, count] : pool.nodes_of_size)
    if (size >= gang.slots / gang.nodes) nodes += count;
  return nodes >= gang.nodes;
}

}  // namespace octet::scheduler
