#include "worker/isolation/confinement.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/isolation/landlock.h"

namespace octet::isolation {
namespace {

bool Mount(const PrivateMount& wish) {
  if (wish.source != nullptr)
    return mount(wish.source, wish.target, nullptr, MS_BIND, nullptr) == 0;
  return mount("tmpfs", wish.target, "tmpfs", MS_NOSUID | MS_NODEV, wish.options) == 0;
}

bool MountAll(const Confinement& confinement) {
  if (confinement.mount_count == 0) return true;
  if (unshare(CLONE_NEWNS) != 0) return false;
  // What the machine mounts from now on is seen here, and not the other way.
  if (mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) return false;
  for (size_t i = 0; i < confinement.mount_count; ++i) {
    if (!Mount(confinement.mounts[i])) return false;
    // A rule holds for a file system's own root, which is new.
    if (confinement.ruleset >= 0 &&
        !AllowReadWrite(confinement.ruleset, confinement.mounts[i].target))
      return false;
  }
  return true;
}

// The system calls themselves: the library's functions would change the parent's
// threads too, as far as they can see them in the shared memory.
bool BecomeAccount(const Confinement& confinement) {
  return syscall(SYS_setgroups, confinement.group_count, confinement.groups) == 0 &&
         syscall(SYS_setresgid, confinement.gid, confinement.gid, confinement.gid) == 0 &&
         syscall(SYS_setresuid, confinement.uid, confinement.uid, confinement.uid) == 0;
}

}  // namespace

bool ConfineParent(const Confinement& confinement) {
  if (!confinement.on) return true;
  // Its memory may be a copy of the agent's, with the agent's keys in it.
  return prctl(PR_SET_DUMPABLE, 0) == 0 && MountAll(confinement) &&
         prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         (confinement.ruleset < 0 || RestrictSelf(confinement.ruleset));
}

bool ConfineSelf(const Confinement& confinement) {
  if (!confinement.on) return true;
  umask(077);
  // Who writes 0 means itself. While it has the right to.
  if (confinement.cgroup >= 0 && write(confinement.cgroup, "0", 1) != 1) return false;
  for (size_t i = 0; i < confinement.limit_count; ++i) {
    const ResourceLimit& limit = confinement.limits[i];
    if (syscall(SYS_prlimit64, 0, limit.resource, &limit.limit, nullptr) != 0) return false;
  }
  return !confinement.has_account || BecomeAccount(confinement);
}

}  // namespace octet::isolation
