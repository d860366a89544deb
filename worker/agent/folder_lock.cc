#include "worker/agent/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status.h"

namespace octet::agent {
namespace {

absl::StatusOr<int> OpenLocked(const std::string& dir, const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return ErrnoStatus("cannot open", path);
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  const auto owner = ReadFile(path);
  close(fd);
  return absl::AlreadyExistsError(
      absl::StrCat(dir, ": another octet-agent",
                   owner.ok() && !owner->empty() ? absl::StrCat(" (process ", *owner, ")") : "",
                   " runs on this folder; stop it first, or give this one another --dir"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<FolderLock>> FolderLock::Take(const std::string& dir) {
  RETURN_IF_ERROR(MakeFolders(dir, 0700));
  const std::string path = dir + "/lock";
  ASSIGN_OR_RETURN(const int fd, OpenLocked(dir, path));
  std::unique_ptr<FolderLock> lock(new FolderLock(fd));
  const std::string pid = absl::StrCat(getpid());
  if (ftruncate(fd, 0) != 0 || write(fd, pid.data(), pid.size()) < 0)
    return ErrnoStatus("cannot write", path);
  return lock;
}

FolderLock::~FolderLock() { close(fd_); }

}  // namespace octet::agent
