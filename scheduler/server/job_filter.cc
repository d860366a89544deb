#include "scheduler/server/job_filter.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status.h"
#include "common/text.h"
#include "scheduler/server/codec.h"

namespace octet::scheduler {

absl::StatusOr<JobFilter> ParseJobFilter(const std::string& text) {
  JobFilter filter;
  for (absl::string_view term : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(term, absl::MaxSplits('=', 1));
    const auto& [field, value] = parts;
    if (!absl::StrContains(term, '='))
      return absl::InvalidArgumentError(
          absl::StrCat("filter: \"", term, "\" is not a term; write field=value"));
    if (field == "name") {
      filter.name = value;
    } else if (field == "owner") {
      filter.owner = value;
    } else if (field == "state") {
      auto state = ParseJobState(value);
      RETURN_IF_ERROR(Annotate(state.status(), "filter"));
      filter.state = *state;
    } else if (field == "team") {
      filter.team = value;
    } else if (field == "array") {
      auto array = ParseJobId(value);
      RETURN_IF_ERROR(Annotate(array.status(), "filter"));
      filter.array = *array;
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("filter: there is no field \"", field, "\"",
                       DidYouMean(field, {"array", "name", "owner", "state", "team"})));
    }
  }
  return filter;
}

}  // namespace octet::scheduler
