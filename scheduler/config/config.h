// The file that says how the cluster is shared, for the scheduler and for those
// who simulate it.
#ifndef OCTET_SCHEDULER_CONFIG_CONFIG_H_
#define OCTET_SCHEDULER_CONFIG_CONFIG_H_

#include <string>

#include "absl/status/statusor.h"
#include "octet/v1/config.pb.h"
#include "scheduler/core/core.h"

namespace octet::scheduler {

/// What config.proto describes, over the core's defaults. INVALID_ARGUMENT:
/// names the field.
absl::StatusOr<CoreOptions> ToCoreOptions(const v1::SchedulerConfig& config);

/// Reads a YAML file. NOT_FOUND; INVALID_ARGUMENT: file, line, column, field.
absl::StatusOr<CoreOptions> LoadConfig(const std::string& path);

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_CONFIG_CONFIG_H_
