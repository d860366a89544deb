#include "scheduler/sim/metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace octet::scheduler {
namespace {

constexpr double kHour = 3600;

// In the hours that lie between the first and the last submission.
void MeasureUse(const Trace& trace, const Simulation& simulation, Metrics& metrics) {
  const double first = trace.front().submit_s, last = trace.back().submit_s;
  double useful = 0, wanted = 0, hours = 0;
  for (size_t hour = 0; hour < simulation.hours.size(); ++hour) {
    if (static_cast<double>(hour) < std::floor(first / kHour) ||
        static_cast<double>(hour + 1) * kHour > last)
      continue;
    const HourRecord& record = simulation.hours[hour];
    useful += record.busy_slot_s - record.lost_slot_s;
    wanted += record.wanted_slot_s;
    ++hours;
  }
  if (wanted == 0) return;
  metrics.utilization = useful / wanted;
  metrics.busy = useful / (hours * kHour * simulation.slots);
}

// A team's due is its share by weight, or what it wants where that is less;
// what it gets beyond that is taken from nobody, and does not count.
double Satisfaction(const HourRecord::Demand& demand, double share) {
  const double due = std::min<double>(demand.held + demand.waiting, share);
  return std::min(1.0, demand.held / due);
}

double Fairness(const Simulation& simulation, const std::map<std::string, double>& weights) {
  double sum = 0;
  int hours = 0;
  for (const HourRecord& hour : simulation.hours) {
    const auto weight = [&](const std::string& team) {
      const auto found = weights.find(team);
      return found == weights.end() ? 1.0 : found->second;
    };
    double total = 0;
    bool waits = false;
    for (const auto& [team, demand] : hour.teams) {
      total += weight(team);
      waits = waits || demand.waiting > 0;
    }
    if (!waits) continue;
    std::vector<double> satisfactions;
    for (const auto& [team, demand] : hour.teams)
      if (demand.held + demand.waiting > 0)
        satisfactions.push_back(Satisfaction(demand, simulation.slots * weight(team) / total));
    sum += JainIndex(satisfactions);
    ++hours;
  }
  return hours == 0 ? 1 : sum / hours;
}

}  // namespace

double JainIndex(const std::vector<double>& values) {
  double sum = 0, squares = 0;
  for (const double value : values) {
    sum += value;
    squares += value * value;
  }
  return squares == 0 ? 1 : sum * sum / (static_cast<double>(values.size()) * squares);
}

Spread SpreadOf(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const auto at = [&](double part) {  // Nearest rank.
    const double rank = std::ceil(part * static_cast<double>(values.size()));
    return values[static_cast<size_t>(std::max(rank, 1.0)) - 1];
  };
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  return {sum / static_cast<double>(values.size()), at(0.5), at(0.95), at(0.99)};
}

Metrics Measure(const Trace& trace, const Simulation& simulation,
                const std::map<std::string, double>& weights) {
  Metrics metrics;
  if (trace.empty()) return metrics;
  std::vector<double> completions, waits;
  std::map<std::string, std::vector<double>> team_waits;
  for (size_t i = 0; i < trace.size(); ++i) {
    const JobRecord& job = simulation.jobs[i];
    metrics.refused += job.refused;
    metrics.stuck += !job.refused && job.end_s < 0;
    metrics.preemptions += job.preemptions;
    metrics.resizes += job.resizes;
    metrics.lost_slot_hours += job.lost_slot_s / kHour;
    if (job.end_s < 0) continue;
    ++metrics.ended;
    completions.push_back(job.end_s - trace[i].submit_s);
    waits.push_back(job.wait_s);
    team_waits[trace[i].team].push_back(job.wait_s);
    metrics.makespan_s = std::max(metrics.makespan_s, job.end_s - trace.front().submit_s);
  }
  metrics.completion_s = SpreadOf(std::move(completions));
  metrics.wait_s = SpreadOf(std::move(waits));
  for (auto& [team, values] : team_waits) metrics.team_wait_s[team] = SpreadOf(std::move(values));
  MeasureUse(trace, simulation, metrics);
  metrics.fairness = Fairness(simulation, weights);
  return metrics;
}

}  // namespace octet::scheduler
