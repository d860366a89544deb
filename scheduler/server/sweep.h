// Sweeps: the trials of a search over fields of a job file.
#ifndef OCTET_SCHEDULER_SERVER_SWEEP_H_
#define OCTET_SCHEDULER_SERVER_SWEEP_H_

#include <vector>

#include "absl/status/statusor.h"
#include "octet/v1/jobs.pb.h"
#include "scheduler/core/types.h"

namespace octet::scheduler {

/// One job file for each trial, in order of their numbers: the one submitted
/// with the trial's values in it, these as labels, and the array that they are. A function of the
/// file alone; defaults are not filled in. Empty: it has no sweep. INVALID_ARGUMENT starts with the
/// path of the first wrong field and ends with the way out.
absl::StatusOr<std::vector<v1::JobSpec>> TrialsOf(const v1::JobSpec& submitted);

/// trial: with its defaults filled in. The rungs lie before its last epoch.
EarlyStop EarlyStopOf(const v1::JobSpec& trial);

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_SWEEP_H_
