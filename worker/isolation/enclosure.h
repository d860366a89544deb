// What one attempt is enclosed in, from before its processes start until after
// they are gone.
#ifndef OCTET_WORKER_ISOLATION_ENCLOSURE_H_
#define OCTET_WORKER_ISOLATION_ENCLOSURE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "worker/isolation/account.h"
#include "worker/isolation/cgroup.h"
#include "worker/isolation/confinement.h"
#include "worker/isolation/environment.h"
#include "worker/isolation/landlock.h"
#include "worker/isolation/limit_watch.h"

namespace octet::isolation {

/// Made by Isolation::Enclose. Not thread-safe. The destructor removes the
/// attempt's cgroup and its TMPDIR.
class Enclosure {
 public:
  ~Enclosure();
  Enclosure(const Enclosure&) = delete;
  Enclosure& operator=(const Enclosure&) = delete;

  /// Points into this object.
  Confinement confinement() const;
  /// All that the job's processes have in their environment, when `own` is what
  /// the job wants there: HOME, TMPDIR, USER and LOGNAME are where it may write
  /// and who it is. Nothing: the agent's environment, with `own` over it.
  std::optional<Environment> EnvironmentFor(const Environment& own) const;
  const std::optional<Account>& account() const { return account_; }
  const Limits& limits() const { return limits_; }
  /// For the limits that the kernel does not keep.
  LimitWatch Watch() const;
  /// Processes that the kernel killed at the memory limit.
  int64_t OomKills() const { return cgroup_ == nullptr ? 0 : cgroup_->OomKills(); }

 private:
  friend class Isolation;
  Enclosure() = default;
  void AddResourceLimits();
  void AddMounts(bool own_tmp);

  bool on_ = false;
  std::string job_dir_, tmp_dir_;  // No tmp_dir_: none is its own.
  Limits limits_;
  std::optional<Account> account_;
  Environment base_;
  std::vector<std::string> work_roots_;
  std::optional<Ruleset> ruleset_;
  std::unique_ptr<Cgroup> cgroup_;
  std::vector<ResourceLimit> resource_limits_;
  std::string shm_options_;
  std::vector<PrivateMount> mounts_;
};

}  // namespace octet::isolation

#endif  // OCTET_WORKER_ISOLATION_ENCLOSURE_H_
