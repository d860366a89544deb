// Runs a trace through the scheduling core in virtual time.
#ifndef OCTET_SCHEDULER_SIM_SIMULATOR_H_
#define OCTET_SCHEDULER_SIM_SIMULATOR_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "scheduler/core/core.h"
#include "scheduler/sim/trace.h"

namespace octet::scheduler {

struct SimulationOptions {
  int nodes = 250;
  int slots_per_node = 8;
  int nodes_per_switch = 16;

  CoreOptions core;
  /// An elastic job with n of its m slots is (n / m)^scaling as fast.
  double scaling = 0.9;
  absl::Duration tick = absl::Minutes(1);
  /// From the request to stop to the end of an attempt that saves its state.
  absl::Duration save_time = absl::Seconds(10);
  /// That an attempt which goes on from a saved state takes to get going.
  absl::Duration load_time = absl::Seconds(20);
  /// Between the states that are saved anyhow, for when a node is lost.
  absl::Duration checkpoint_interval = absl::Minutes(30);
  /// When a job that tells its progress knows how long it will take.
  absl::Duration measured_after = absl::Minutes(2);
  /// Of a node, on average; infinite: none fails.
  absl::Duration time_between_failures = absl::InfiniteDuration();
  absl::Duration repair_time = absl::Hours(1);
  uint64_t seed = 1;  // of the failures
};

/// What became of one job of the trace. Times count from the trace's beginning.
struct JobRecord {
  double start_s = -1;  // of the first attempt; -1: none
  double end_s = -1;
  double wait_s = 0;       // in the queue, all times together
  double held_slot_s = 0;  // slots that it held x how long
  double lost_slot_s = 0;  // of those: work that was done again, starting and saving
  int preemptions = 0;
  int resizes = 0;
  bool refused = false;  // larger than the cluster
};

/// The cluster in one hour.
struct HourRecord {
  double busy_slot_s = 0;
  double wanted_slot_s = 0;  // slots that the open jobs asked for, at most all there are
  double waiting_job_s = 0;
  double lost_slot_s = 0;  // by attempts that ended in this hour
  /// At its end, by team: slots held and slots that are waited for.
  struct Demand {
    int held = 0, waiting = 0;
  };
  std::map<std::string, Demand> teams;
};

struct Simulation {
  int slots = 0;
  std::vector<JobRecord> jobs;  // in the trace's order
  std::vector<HourRecord> hours;
};

/// Until the last job has ended. INVALID_ARGUMENT: an option or a policy's name.
absl::StatusOr<Simulation> Simulate(const SimulationOptions& options, const Trace& trace);

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SIM_SIMULATOR_H_
