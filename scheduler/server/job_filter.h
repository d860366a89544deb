// The filter and the pages of a listing of jobs.
#ifndef OCTET_SCHEDULER_SERVER_JOB_FILTER_H_
#define OCTET_SCHEDULER_SERVER_JOB_FILTER_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "scheduler/core/types.h"

namespace octet::scheduler {

/// Every part that is set must hold.
struct JobFilter {
  std::optional<JobState> state;
  std::optional<std::string> name, owner, team;
  std::optional<JobId> array;

  bool Matches(const Job& job) const {
    return (!state || job.state == *state) && (!name || job.name == *name) &&
           (!owner || job.owner == *owner) && (!team || job.team == *team) &&
           (!array || job.array == *array);
  }
};

/// text: terms such as state=running, name=demo, owner=ada, team=vision and
/// array=j5, with spaces between them. INVALID_ARGUMENT names the term.
absl::StatusOr<JobFilter> ParseJobFilter(const std::string& text);

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_JOB_FILTER_H_
