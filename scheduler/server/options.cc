#include "scheduler/server/options.h"

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "scheduler/server/listen.h"

namespace octet::scheduler {

absl::Status ValidateOptions(const Options& options) {
  if (options.dir.empty()) return absl::InvalidArgumentError("--dir is missing");
  for (const std::string& address : options.listen) {
    RETURN_IF_ERROR(CheckListenAddress(address));
    if (options.tls.empty() && !IsUnixSocket(address))
      return absl::InvalidArgumentError(
          absl::StrCat("--listen ", address,
                       ": needs --tls DIR, for who calls over a network proves who they are; "
                       "`octet ca init` and "
                       "`octet ca issue scheduler` make the folder"));
  }
  if (options.heartbeat_interval <= absl::ZeroDuration())
    return absl::InvalidArgumentError("--heartbeat-interval: must be greater than 0");
  if (options.heartbeat_timeout < 2 * options.heartbeat_interval)
    return absl::InvalidArgumentError(absl::StrCat(
        "--heartbeat-timeout: ", absl::FormatDuration(options.heartbeat_timeout),
        " is less than twice the interval of ", absl::FormatDuration(options.heartbeat_interval)));
  if (options.most_changes < 1)
    return absl::InvalidArgumentError(
        absl::StrCat("--most-changes: ", options.most_changes, " is less than 1"));
  return absl::OkStatus();
}

}  // namespace octet::scheduler
