// Makes traces with the shape of the one that Microsoft published of its
// Philly clusters.
#ifndef OCTET_SCHEDULER_SIM_PHILLY_H_
#define OCTET_SCHEDULER_SIM_PHILLY_H_

#include <cstdint>

#include "scheduler/sim/trace.h"

namespace octet::scheduler {

struct PhillyOptions {
  int jobs = 100'000;
  uint64_t seed = 1;
  int slots = 2'000;     // of the cluster that the trace is for
  double load = 1.0;     // work that is submitted in a time / what the slots can do in it
  double saves = 0.8;    // share of jobs that save their state and tell their progress
  double elastic = 0.5;  // share of the jobs with 4 slots or more that can run with a quarter
  double urgent = 0;     // share of jobs with priority 1; the rest has 0
};

/// Philly's log says nothing of saves, elastic and urgent; the same options give the same trace on
/// every machine.
Trace MakePhillyTrace(const PhillyOptions& options);

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SIM_PHILLY_H_
