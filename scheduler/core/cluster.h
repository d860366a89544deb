// The cluster's nodes, indexed by what is free where.
#ifndef OCTET_SCHEDULER_CORE_CLUSTER_H_
#define OCTET_SCHEDULER_CORE_CLUSTER_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "scheduler/core/types.h"

namespace octet::scheduler {

/// Usable nodes by the number of slots of one resource that are free on them.
/// Iteration is in the order of node names, so that the same history always
/// gives the same placement.
class FreeIndex {
 public:
  void Add(const Node* node, int free);
  void Remove(const Node* node, int free);

  /// The largest number of free slots on one node.
  int most() const { return static_cast<int>(by_free_.size()) - 1; }
  /// Nodes with exactly `free` free slots; free <= most().
  const auto& nodes(int free) const { return by_free_[free]; }
  int total() const { return total_; }
  /// How many nodes have `free` or more free slots.
  int CountAtLeast(int free) const;

 private:
  struct ByName {
    bool operator()(const Node* a, const Node* b) const { return a->name < b->name; }
  };
  std::vector<std::set<const Node*, ByName>> by_free_ = {{}};
  int total_ = 0;
};

/// One resource, such as "gpu".
struct Pool {
  FreeIndex free;                             // on usable nodes
  std::map<std::string, FreeIndex> switches;  // the same by switch; "": unknown
  int usable = 0;                             // slots on usable nodes, free or held
  int known = 0;                              // slots on all known nodes
  std::map<int, int> nodes_of_size;           // known nodes by their number of slots
};

/// Owns the nodes. Every change of what a node offers goes through here.
class Cluster {
 public:
  Cluster() = default;
  Cluster(const Cluster& other) { *this = other; }
  Cluster& operator=(const Cluster& other);

  const std::map<std::string, Node>& nodes() const { return nodes_; }
  /// Null: no such node.
  const Node* Find(const std::string& name) const;

  /// Changes a node, made if it is new; `change` gets it as Node&.
  template <typename Change>
  Node& Update(const std::string& name, const Change& change) {
    Node& node = nodes_[name];
    node.name = name;
    Unindex(node);
    change(node);
    Index(node);
    return node;
  }
  /// For a node on which nothing runs.
  void Forget(const std::string& name);
  /// Does what Update does for changes that move no capacity, such as the time
  /// a node was heard.
  Node& Touch(const std::string& name) { return nodes_.at(name); }

  /// Gives the part's slots to the job, or takes them back.
  void Hold(JobId job, const Part& part);
  void Free(JobId job, const Part& part);

  /// An empty pool for a resource that no node offers.
  const Pool& pool(const std::string& resource) const;
  /// The resource a gang means: its own, or gpu where the cluster has any, else cpu.
  std::string ResourceOf(const Gang& gang) const;
  bool any_slots() const { return !pools_.empty(); }
  const std::map<std::string, Pool>& pools() const { return pools_; }
  /// Names of the nodes that have announced their end.
  const std::set<std::string>& ending() const { return ending_; }
  /// Names of the nodes that take no new work now.
  const std::set<std::string>& away() const { return away_; }

 private:
  void Index(const Node& node);
  void Unindex(const Node& node);

  std::map<std::string, Node> nodes_;
  std::map<std::string, Pool> pools_;
  std::set<std::string> ending_;
  std::set<std::string> away_;
};

/// Slots of a resource that are free on the node.
int FreeSlotsOf(const Node& node, const std::string& resource);

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_CORE_CLUSTER_H_
