#include "scheduler/core/cluster.h"

#include <algorithm>

namespace octet::scheduler {
namespace {

// Slots of a node by resource: all, and those that are free.
struct Count {
  int all = 0, free = 0;
};
std::map<std::string_view, Count> CountSlots(const Node& node) {
  std::map<std::string_view, Count> counts;
  for (const Slot& slot : node.slots) {
    Count& count = counts[slot.resource];
    ++count.all;
    count.free += slot.job == kNoJob;
  }
  return counts;
}

}  // namespace

void FreeIndex::Add(const Node* node, int free) {
  if (free > most()) by_free_.resize(free + 1);
  by_free_[free].insert(node);
  total_ += free;
}

void FreeIndex::Remove(const Node* node, int free) {
  by_free_[free].erase(node);
  while (by_free_.size() > 1 && by_free_.back().empty()) by_free_.pop_back();
  total_ -= free;
}

int FreeIndex::CountAtLeast(int free) const {
  int count = 0;
  for (int f = std::max(free, 0); f <= most(); ++f) count += static_cast<int>(by_free_[f].size());
  return count;
}

Cluster& Cluster::operator=(const Cluster& other) {
  // The indexes point into nodes_.
  nodes_ = other.nodes_;
  pools_.clear();
  ending_.clear();
  away_.clear();
  for (const auto& [name, node] : nodes_) Index(node);
  return *this;
}

const Node* Cluster::Find(const std::string& name) const {
  const auto found = nodes_.find(name);
  return found == nodes_.end() ? nullptr : &found->second;
}

void Cluster::Forget(const std::string& name) {
  const auto found = nodes_.find(name);
  Unindex(found->second);
  nodes_.erase(found);
}

void Cluster::Index(const Node& node) {
  if (node.end_of_life != absl::InfiniteFuture()) ending_.insert(node.name);
  if (!node.usable()) away_.insert(node.name);
  for (const auto& [resource, count] : CountSlots(node)) {
    Pool& pool = pools_[std::string(resource)];
    pool.known += count.all;
    ++pool.nodes_of_size[count.all];
    if (!node.usable()) continue;
    pool.usable += count.all;
    pool.free.Add(&node, count.free);
    pool.switches[node.switch_name].Add(&node, count.free);
  }
}

void Cluster::Unindex(const Node& node) {
  ending_.erase(node.name);
  away_.erase(node.name);
  for (const auto& [resource, count] : CountSlots(node)) {
    Pool& pool = pools_.at(std::string(resource));
    pool.known -= count.all;
    if (--pool.nodes_of_size[count.all] == 0) pool.nodes_of_size.erase(count.all);
    if (node.usable()) {
      pool.usable -= count.all;
      pool.free.Remove(&node, count.free);
      pool.switches[node.switch_name].Remove(&node, count.free);
    }
    if (pool.known == 0) pools_.erase(std::string(resource));
  }
}

void Cluster::Hold(JobId job, const Part& part) {
  Update(part.node, [&](Node& node) {
    node.jobs.insert(job);
    int rank = part.first_rank;
    for (const int index : part.slot_indices) {
      // Slots are mostly listed by index; an agent may list them otherwise.
      for (Slot& slot : node.slots) {
        if (slot.index != index) continue;
        slot.job = job;
        slot.rank = rank;
        break;
      }
      ++rank;
    }
  });
}

void Cluster::Free(JobId job, const Part& part) {
  if (Find(part.node) == nullptr) return;
  Update(part.node, [&](Node& node) {
    node.jobs.erase(job);
    for (Slot& slot : node.slots) {
      if (slot.job != job) continue;
      slot.job = kNoJob;
      slot.rank = -1;
    }
  });
}

const Pool& Cluster::pool(const std::string& resource) const {
  static const Pool kNone;
  const auto found = pools_.find(resource);
  return found == pools_.end() ? kNone : found->second;
}

std::string Cluster::ResourceOf(const Gang& gang) const {
  if (!gang.resource.empty()) return gang.resource;
  return pools_.contains("gpu") ? "gpu" : "cpu";
}

int FreeSlotsOf(const Node& node, const std::string& resource) {
  int free = 0;
  for (const Slot& slot : node.slots) free += slot.resource == resource && slot.job == kNoJob;
  return free;
}

}  // namespace octet::scheduler
