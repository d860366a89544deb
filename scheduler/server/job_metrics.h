// What a job's change means for the scheduler's figures.
#ifndef OCTET_SCHEDULER_SERVER_JOB_METRICS_H_
#define OCTET_SCHEDULER_SERVER_JOB_METRICS_H_

#include <optional>

#include "scheduler/core/types.h"
#include "scheduler/server/metrics.h"

namespace octet::scheduler {

/// Counts what is new in `after`: its state, attempts that started or ended, and
/// targets that were exported. before: nothing for a new job.
void ObserveChange(const std::optional<Job>& before, const Job& after, Metrics& metrics);

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_JOB_METRICS_H_
