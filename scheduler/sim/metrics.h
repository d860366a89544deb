// What a simulation says about a set of policies.
#ifndef OCTET_SCHEDULER_SIM_METRICS_H_
#define OCTET_SCHEDULER_SIM_METRICS_H_

#include <map>
#include <string>
#include <vector>

#include "scheduler/sim/simulator.h"

namespace octet::scheduler {

/// Of a list of times, in seconds.
struct Spread {
  double mean = 0, median = 0, p95 = 0, p99 = 0;
};
/// All 0 without values.
Spread SpreadOf(std::vector<double> values);

struct Metrics {
  int ended = 0;        // jobs
  int refused = 0;      // larger than the cluster
  int stuck = 0;        // that never ended
  Spread completion_s;  // from submission to end
  Spread wait_s;        // in the queue, also after a preemption
  std::map<std::string, Spread> team_wait_s;
  /// Useful work (slots held, less what was lost) between the first and the
  /// last submission / what the slots could have done for the jobs that were
  /// there; 1: no slot was idle that somebody asked for.
  double utilization = 0;
  /// The same / what the slots could have done. The more jobs a scheduler lets
  /// wait, the more it has to run at night: not a measure of its quality alone.
  double busy = 0;
  /// Jain's index over the teams' service in relation to their due, averaged
  /// over the hours in which somebody waits; 1: all get theirs.
  double fairness = 1;
  double makespan_s = 0;  // from the first submission to the last end
  double lost_slot_hours = 0;
  int preemptions = 0, resizes = 0;
};

/// weights: of the teams; those that are not there have 1.
Metrics Measure(const Trace& trace, const Simulation& simulation,
                const std::map<std::string, double>& weights = {});

/// (sum x)^2 / (n sum x^2), Jain, Chiu and Hawe, 1984; 1 for none.
double JainIndex(const std::vector<double>& values);

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SIM_METRICS_H_
