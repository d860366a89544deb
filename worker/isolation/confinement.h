// What the processes of an attempt are bound by, as plain data, and the system
// calls that bind them.
#ifndef OCTET_WORKER_ISOLATION_CONFINEMENT_H_
#define OCTET_WORKER_ISOLATION_CONFINEMENT_H_

#include <sys/resource.h>
#include <sys/types.h>

#include <cstddef>

namespace octet::isolation {

/// A mount that only the attempt sees.
struct PrivateMount {
  const char* source = nullptr;  // A folder to bind; null: a new tmpfs.
  const char* target = nullptr;
  const char* options = nullptr;  // Of the tmpfs.
};

struct ResourceLimit {
  int resource;  // RLIMIT_...
  rlimit limit;
};

/// Points to what its maker owns. As it is by default it binds nothing.
struct Confinement {
  /// Bind at all: no new privileges, no access for others to new files.
  bool on = false;
  const PrivateMount* mounts = nullptr;
  size_t mount_count = 0;
  int ruleset = -1;  // See Ruleset; -1: none.
  int cgroup = -1;   // The cgroup.procs of a cgroup, open to write; -1: none.
  const ResourceLimit* limits = nullptr;
  size_t limit_count = 0;
  bool has_account = false;
  uid_t uid = 0;
  gid_t gid = 0;
  const gid_t* groups = nullptr;
  size_t group_count = 0;
};

// Both allocate nothing and take no lock: they are for a child of a process
// with many threads. False: errno says why, and the child must go no further.

/// Binds the process that will be the parent of all of the attempt's: they
/// share its mounts and its Landlock domain, within which they may signal and
/// trace each other.
bool ConfineParent(const Confinement& confinement);

/// Binds a process of the attempt's, which may share memory with its parent
/// until it executes its program. Before its files are opened and its folder is
/// entered, so that this is done with its own rights. Undoes PR_SET_PDEATHSIG.
bool ConfineSelf(const Confinement& confinement);

}  // namespace octet::isolation

#endif  // OCTET_WORKER_ISOLATION_CONFINEMENT_H_
