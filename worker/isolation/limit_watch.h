// Holds an attempt to its limits where the kernel does not.
#ifndef OCTET_WORKER_ISOLATION_LIMIT_WATCH_H_
#define OCTET_WORKER_ISOLATION_LIMIT_WATCH_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "worker/isolation/bytes.h"

namespace octet::isolation {

/// Of one attempt on one node.
struct Limits {
  int64_t memory_bytes = kUnlimited;
  int64_t disk_bytes = kUnlimited;
  int64_t processes = kUnlimited;  // and threads, where the kernel counts
};

struct Breach {
  enum class Kind { kMemory, kDisk, kProcesses };
  Kind kind;
  /// "has written 21.0 GiB, its limit is 20 GiB".
  std::string message;
};

/// Looks at what the descendants of one process use. Memory can grow by what is
/// allocated between two looks. One thread.
class LimitWatch {
 public:
  /// folders: what the attempt writes to; the first one's disk is where files
  /// without a name count too.
  LimitWatch(const Limits& limits, std::vector<std::string> folders)
      : limits_(limits), folders_(std::move(folders)) {}

  /// Between two looks; infinite when there is nothing to look at.
  absl::Duration interval() const;
  /// The first limit that is passed. root: whose descendants count. now: on a
  /// steady clock. Folders are looked at so seldom that it takes a twentieth of
  /// the time at most.
  std::optional<Breach> Look(pid_t root, absl::Duration now);

 private:
  bool Watches(int64_t limit) const { return limit != kUnlimited; }
  std::optional<Breach> LookAtDisk(const std::vector<pid_t>& processes) const;

  const Limits limits_;
  const std::vector<std::string> folders_;
  absl::Duration next_disk_look_ = -absl::InfiniteDuration();
};

}  // namespace octet::isolation

#endif  // OCTET_WORKER_ISOLATION_LIMIT_WATCH_H_
