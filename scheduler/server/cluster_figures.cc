#include "scheduler/server/cluster_figures.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "octet/v1/jobs.pb.h"

namespace octet::scheduler {
namespace {

constexpr size_t kMostNodesNamed = 100;

// PENDING_CODE_QUOTA is "quota".
std::string NameOf(PendingCode code) {
  const std::string name = v1::PendingCode_Name(static_cast<v1::PendingCode>(code));
  return absl::AsciiStrToLower(name.substr(std::string("PENDING_CODE_").size()));
}

const char* WhyAway(const Node& node) {
  if (node.state == Node::State::kLost) return "lost";
  if (node.drain.has_value()) return node.drain->by == kQuarantiner ? "quarantined" : "drained";
  return node.connected ? "unfit" : "disconnected";
}

ClusterFigures::ResourceFigures FiguresOf(const Pool& pool, int used) {
  const int free = pool.free.total();
  // After a restart of the scheduler jobs hold slots of nodes that have yet to
  // come back.
  return {
      .slots = {{"free", free}, {"used", used}, {"away", std::max(0, pool.known - free - used)}},
      .most_free_on_a_node = pool.free.most()};
}

}  // namespace

ClusterFigures FiguresOf(const Core& core, absl::Time now) {
  ClusterFigures figures;
  for (const auto& [code, jobs] : core.PendingByCode()) figures.pending[NameOf(code)] = jobs;
  std::map<std::string, int> used;
  for (const auto& [name, team] : core.teams().all()) {
    figures.teams[name] = {.pending = team.pending,
                           .running = team.running,
                           .used = team.used,
                           .quota = team.config.quota,
                           .weight = team.config.weight,
                           .mean_slots = core.teams().MeanSlots(team, now)};
    for (const auto& [resource, slots] : team.used) used[resource] += slots;
  }
  for (const auto& [resource, pool] : core.cluster().pools())
    figures.slots[resource] = FiguresOf(pool, used[resource]);
  const auto& away = core.cluster().away();
  figures.nodes["ready"] = static_cast<int>(core.nodes().size() - away.size());
  for (const std::string& name : away) {
    const char* why = WhyAway(*core.cluster().Find(name));
    ++figures.nodes[why];
    if (figures.nodes_away.size() < kMostNodesNamed) figures.nodes_away[name] = why;
  }
  return figures;
}

}  // namespace octet::scheduler
