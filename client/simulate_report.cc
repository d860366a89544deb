#include "client/simulate_report.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/output.h"
#include "nlohmann/json.hpp"

namespace octet::client {
namespace {

using scheduler::Metrics;
using scheduler::Spread;
using Json = nlohmann::ordered_json;

constexpr double kDay = 24 * 3600;

std::string Number(double value, int decimals = 0) {
  return absl::StrFormat("%.*f", decimals, value);
}

std::vector<std::string> Row(const SimulatedSet& set) {
  const Metrics& m = set.metrics;
  return {set.name,
          Number(m.completion_s.mean),
          Number(m.completion_s.median),
          Number(m.completion_s.p99),
          Number(m.wait_s.mean),
          Number(m.wait_s.p99),
          Number(100 * m.utilization, 2),
          Number(100 * m.busy, 2),
          Number(m.fairness, 3),
          Number(m.makespan_s / kDay, 1),
          Number(m.lost_slot_hours),
          absl::StrCat(m.preemptions),
          absl::StrCat(m.resizes)};
}

void PrintTeams(Context& context, const SimulatedSet& set) {
  context.out << "\nwait by team, " << set.name << "\n";
  Table table({"TEAM", "MEAN", "MEDIAN", "P95", "P99"});
  for (const auto& [team, wait] : set.metrics.team_wait_s)
    table.Add({team, Number(wait.mean), Number(wait.median), Number(wait.p95), Number(wait.p99)});
  table.Print(context.out);
}

Json JsonOf(const Spread& spread) {
  return {
      {"mean", spread.mean}, {"median", spread.median}, {"p95", spread.p95}, {"p99", spread.p99}};
}

Json JsonOf(const SimulatedSet& set) {
  const Metrics& m = set.metrics;
  Json teams = Json::object();
  for (const auto& [team, wait] : m.team_wait_s) teams[team] = JsonOf(wait);
  return {{"name", set.name},
          {"policies", set.policies},
          {"ended", m.ended},
          {"refused", m.refused},
          {"stuck", m.stuck},
          {"completion_s", JsonOf(m.completion_s)},
          {"wait_s", JsonOf(m.wait_s)},
          {"team_wait_s", std::move(teams)},
          {"utilization", m.utilization},
          {"busy", m.busy},
          {"fairness", m.fairness},
          {"makespan_s", m.makespan_s},
          {"lost_slot_hours", m.lost_slot_hours},
          {"preemptions", m.preemptions},
          {"resizes", m.resizes}};
}

}  // namespace

void PrintSimulation(Context& context, const SimulationReport& report) {
  context.out << report.jobs << " jobs (" << report.trace << ") on " << report.nodes << " nodes x "
              << report.slots_per_node << " slots; times in seconds\n\n";
  Table table({"POLICIES", "COMPLETION", "MEDIAN", "P99", "WAIT", "P99", "UTIL %", "BUSY %", "FAIR",
               "DAYS", "LOST SLOT-H", "PREEMPTED", "RESIZED"});
  for (const SimulatedSet& set : report.sets) table.Add(Row(set));
  table.Print(context.out);
  for (const SimulatedSet& set : report.sets)
    if (&set == &report.sets.front() || context.format == OutputFormat::kWide)
      PrintTeams(context, set);
  const Metrics& first = report.sets.front().metrics;
  if (first.refused > 0)
    context.out << "\n"
                << first.refused
                << " jobs want more than the cluster has, or their team may: left out\n";
  for (const SimulatedSet& set : report.sets)
    if (set.metrics.stuck > 0)
      context.out << "\n" << set.name << ": " << set.metrics.stuck << " jobs never ended\n";
}

std::string SimulationJson(const SimulationReport& report) {
  Json json = {{"trace", report.trace}, {"jobs", report.jobs},
               {"nodes", report.nodes}, {"slots_per_node", report.slots_per_node},
               {"seed", report.seed},   {"sets", Json::array()}};
  for (const SimulatedSet& set : report.sets) json["sets"].push_back(JsonOf(set));
  return json.dump(2);
}

}  // namespace octet::client
