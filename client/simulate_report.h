// What a simulation came to, as a table, as JSON and as a picture.
#ifndef OCTET_CLIENT_SIMULATE_REPORT_H_
#define OCTET_CLIENT_SIMULATE_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "client/command.h"
#include "scheduler/sim/metrics.h"

namespace octet::client {

/// One set of policies and what it made of the trace.
struct SimulatedSet {
  std::string name;  // for people
  std::vector<std::string> policies;
  scheduler::Metrics metrics;
  std::vector<scheduler::HourRecord> hours;
};

struct SimulationReport {
  std::string trace;  // where the jobs come from, for people
  int jobs = 0;
  double last_submit_s = 0;
  int nodes = 0, slots_per_node = 0;
  uint64_t seed = 0;
  std::vector<SimulatedSet> sets;  // the first is the one to compare the others with

  int slots() const { return nodes * slots_per_node; }
};

/// The comparison, and the first set's waits by team; wide: those of all sets.
void PrintSimulation(Context& context, const SimulationReport& report);
/// A JSON object; docs/simulate.md describes it.
std::string SimulationJson(const SimulationReport& report);
/// An SVG file: bars of what is compared, and how the cluster was used over time.
std::string SimulationPicture(const SimulationReport& report);

}  // namespace octet::client

#endif  // OCTET_CLIENT_SIMULATE_REPORT_H_
