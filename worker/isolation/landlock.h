// Landlock: what a process and its descendants may do with which files,
// whoever they are.
#ifndef OCTET_WORKER_ISOLATION_LANDLOCK_H_
#define OCTET_WORKER_ISOLATION_LANDLOCK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/fd.h"

namespace octet::isolation {

/// The version of the kernel's Landlock; 0: it has none, or it is switched off.
int LandlockVersion();

/// From this version on, jobs can neither signal processes outside of their own
/// nor connect to their abstract sockets.
inline constexpr int kLandlockScopes = 6;

/// What is allowed with a file, or with everything below a folder.
enum class Access {
  kRead,       // and run programs
  kReadWrite,  // all but device files: neither made nor controlled
  kDevice,     // a device file, with its ioctls
  kProc,       // read, and write to files that are there
};

/// A growing list of what is allowed: everything else is not. The descriptor is
/// what a process restricts itself by; see Confinement.
class Ruleset {
 public:
  /// UNIMPLEMENTED: there is no Landlock.
  static absl::StatusOr<Ruleset> Create();

  /// NOT_FOUND: there is no such path. A symbolic link stands for its target.
  absl::Status Allow(const std::string& path, Access access);
  /// The same, where a path that is not there need not be.
  absl::Status AllowIfThere(const std::string& path, Access access);
  /// Allows reading all that is below `folder` now, but nothing that is in, or
  /// below, one of `hidden`: absolute paths without symbolic links.
  absl::Status AllowExcept(const std::string& folder, const std::vector<std::string>& hidden);

  int fd() const { return fd_.get(); }

 private:
  explicit Ruleset(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

/// Adds to a ruleset with system calls only, for a path that exists by now.
/// False: errno says why.
bool AllowReadWrite(int ruleset, const char* path);

/// Binds the calling thread, for ever, after PR_SET_NO_NEW_PRIVS. False: errno.
bool RestrictSelf(int ruleset);

}  // namespace octet::isolation

#endif  // OCTET_WORKER_ISOLATION_LANDLOCK_H_
