// Jobs to simulate, as a CSV file whose columns docs/simulate.md describes.
#ifndef OCTET_SCHEDULER_SIM_TRACE_H_
#define OCTET_SCHEDULER_SIM_TRACE_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "scheduler/core/types.h"

namespace octet::scheduler {

struct TraceJob {
  enum class Status { kPassed, kFailed, kKilled };

  double submit_s = 0;  // since the trace's beginning
  std::string team = kDefaultTeam;
  int slots = 1;
  int nodes = 0;            // exactly so many; 0: as few as will do
  int min_slots = 0;        // elastic: any number from here to slots; 0: not elastic
  double duration_s = 0;    // with all of its slots, until it ends as `status` says
  double planned_s = 0;     // that its progress foretells; duration_s where nothing cut it short
  double time_limit_s = 0;  // 0: none
  int priority = 0;
  bool saves = true;     // stopped, it goes on from where it was
  bool progress = true;  // tells how far it is
  Status status = Status::kPassed;

  bool operator==(const TraceJob&) const = default;
};

/// In order of submission.
using Trace = std::vector<TraceJob>;

/// text: the file's. The header names the columns, in any order; submit_s,
/// slots and duration_s must be there. Jobs come out in order of submission.
/// INVALID_ARGUMENT: names the line and the column.
absl::StatusOr<Trace> ParseTrace(std::string_view text);
/// What ParseTrace reads back as the same trace.
std::string FormatTrace(const Trace& trace);

absl::StatusOr<Trace> ReadTrace(const std::string& path);
absl::Status WriteTrace(const std::string& path, const Trace& trace);

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SIM_TRACE_H_
