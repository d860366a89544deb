// Control groups (version 2): limits that the kernel holds an attempt to.
#ifndef OCTET_WORKER_ISOLATION_CGROUP_H_
#define OCTET_WORKER_ISOLATION_CGROUP_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/fd.h"
#include "worker/isolation/limit_watch.h"

namespace octet::isolation {

/// The group of one attempt. Removed, with all processes that are in it, by the
/// destructor.
class Cgroup {
 public:
  ~Cgroup();
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;

  /// A process that writes "0" here is in the group, and so is all that it
  /// starts from then on.
  int procs_fd() const { return procs_.get(); }
  /// Processes of the group that the kernel has killed for want of memory.
  int64_t OomKills() const;
  /// SIGKILL to every process in it.
  void Kill();

 private:
  friend class CgroupFolder;
  explicit Cgroup(std::string path) : path_(std::move(path)) {}

  const std::string path_;
  Fd procs_;
};

/// The part of the machine's groups that is this agent's to divide.
class CgroupFolder {
 public:
  /// Takes over `path`, a folder of a cgroup2 file system that was handed to
  /// this agent; "": the agent's own group, if it was (systemd: Delegate=yes).
  /// The agent itself goes into a group below it, since a group that has groups
  /// with limits can have no processes. What an earlier life left is removed.
  /// FAILED_PRECONDITION: it was not handed over, or lacks the memory or pids
  /// controller.
  static absl::StatusOr<CgroupFolder> TakeOver(const std::string& path);

  /// A new group. share: of the processor's time, relative to others', from 1
  /// to 100.
  absl::StatusOr<std::unique_ptr<Cgroup>> Make(const std::string& name, const Limits& limits,
                                               int share) const;

  const std::string& path() const { return path_; }

 private:
  explicit CgroupFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

/// Files of a group, with what has to be written to each, in order. Those that
/// not every kernel has come with `needed` false.
struct CgroupSetting {
  std::string file, value;
  bool needed = true;
  bool operator==(const CgroupSetting&) const = default;
};
std::vector<CgroupSetting> CgroupSettings(const Limits& limits, int share);

/// The group of this process, as a folder; empty: the machine has no cgroup2.
/// root: where /proc is; another for tests.
std::string OwnCgroup(const std::string& root = "");

/// The memory that this process's groups and the machine leave to it. root: as
/// above, with the groups' own paths below it too.
int64_t MemoryOfMachine(const std::string& root = "");

}  // namespace octet::isolation

#endif  // OCTET_WORKER_ISOLATION_CGROUP_H_
