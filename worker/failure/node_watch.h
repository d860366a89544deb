// Gathers what the machine knows of an attempt's end.
#ifndef OCTET_WORKER_FAILURE_NODE_WATCH_H_
#define OCTET_WORKER_FAILURE_NODE_WATCH_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "worker/failure/evidence.h"

namespace octet::failure {

/// Remembers the machine's counters as they are when an attempt begins, to
/// tell what they grew by. What cannot be read counts as if nothing had
/// happened: no evidence is not evidence. Constant after construction.
class NodeWatch {
 public:
  /// root: where /proc, /sys and /dev are; another for tests.
  explicit NodeWatch(std::string root = "");

  /// Since the construction. folders: that the job writes to.
  NodeFacts Collect(const std::vector<std::string>& folders) const;

 private:
  struct Tcp {
    int64_t sent = 0, sent_again = 0;
  };
  int64_t OomKills() const;
  Tcp TcpSegments() const;
  std::vector<std::string> KernelLog() const;

  const std::string root_;
  const absl::Duration began_;  // Since the machine's boot.
  const int64_t oom_kills_;
  const Tcp tcp_;
};

/// A record of /dev/kmsg: its text if it can tell of a failure and is not older
/// than `since` (after boot); else empty.
std::string TellingLine(const std::string& record, absl::Duration since);

}  // namespace octet::failure

#endif  // OCTET_WORKER_FAILURE_NODE_WATCH_H_
