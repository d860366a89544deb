// What processes and folders use, counted from outside.
#ifndef OCTET_WORKER_ISOLATION_USAGE_H_
#define OCTET_WORKER_ISOLATION_USAGE_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace octet::isolation {

/// The living descendants of a process, without itself.
std::vector<pid_t> ProcessesBelow(pid_t root);

/// Memory that would be free without these processes: anonymous and shared
/// memory, not pages of files. What several of them share counts once, but
/// finding out takes the kernel long, so it is asked to only where counting it
/// once for each gives more than `enough`. What cannot be read counts as 0.
int64_t MemoryOf(const std::vector<pid_t>& processes, int64_t enough);

/// Disk space, in bytes.
struct DiskUsage {
  int64_t bytes = 0;
  /// False: there were more files than were looked at.
  bool whole = true;
};

/// What the files below `folders` take, symbolic links not followed; a file
/// with several names counts once. Looks at 1,000,000 files at most.
DiskUsage DiskOf(const std::vector<std::string>& folders);

/// What files take that these processes have open and that have no name any
/// more, on the file system of `folder`.
int64_t UnlinkedBytes(const std::vector<pid_t>& processes, const std::string& folder);

}  // namespace octet::isolation

#endif  // OCTET_WORKER_ISOLATION_USAGE_H_
