#include "worker/isolation/job_folder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/files.h"
#include "common/status.h"

namespace octet::isolation {
namespace {

absl::Status LinkError(const std::string& path) {
  if (errno != ELOOP && errno != ENOTDIR) return ErrnoStatus("cannot open", path);
  return absl::PermissionDeniedError(
      absl::StrCat(path, " is not opened: part of the way is a symbolic link or no folder"));
}

absl::StatusOr<std::vector<std::string>> PartsOf(const std::string& name) {
  std::vector<std::string> parts = absl::StrSplit(name, '/');
  bool bad = name.find('\0') != std::string::npos;
  for (const std::string& part : parts) bad |= part.empty() || part == "." || part == "..";
  if (bad)
    return absl::InvalidArgumentError(
        absl::StrCat("\"", name, "\" is no path below the job's folder"));
  return parts;
}

// The folder of name's last part. make_for: missing folders are made.
absl::StatusOr<Fd> OpenParent(const std::string& folder, const std::vector<std::string>& parts,
                              bool make, const std::optional<Account>& owner) {
  Fd at(open(folder.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  std::string path = folder;
  if (!at.ok()) return LinkError(path);
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    absl::StrAppend(&path, "/", parts[i]);
    const char* const part = parts[i].c_str();
    const bool made = make && mkdirat(at.get(), part, 0700) == 0;
    if (make && !made && errno != EEXIST) return ErrnoStatus("cannot make", path);
    Fd next(openat(at.get(), part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next.ok()) return LinkError(path);
    if (made && owner &&
        fchownat(next.get(), "", owner->uid, owner->gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0)
      return ErrnoStatus("cannot give away", path);
    at = std::move(next);
  }
  return at;
}

}  // namespace

absl::StatusOr<Fd> OpenInJob(const std::string& folder, const std::string& name) {
  ASSIGN_OR_RETURN(const auto parts, PartsOf(name));
  ASSIGN_OR_RETURN(const Fd parent, OpenParent(folder, parts, /*make=*/false, std::nullopt));
  const std::string path = absl::StrCat(folder, "/", name);
  // Not blocking: a FIFO that nobody writes to would hold the agent for ever.
  Fd file(openat(parent.get(), parts.back().c_str(),
                 O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file.ok()) return LinkError(path);
  struct stat info;
  if (fstat(file.get(), &info) != 0) return ErrnoStatus("cannot look at", path);
  if (!S_ISREG(info.st_mode))
    return absl::PermissionDeniedError(absl::StrCat(path, " is not a regular file"));
  return file;
}

std::string PathOf(const Fd& fd) { return absl::StrCat("/proc/self/fd/", fd.get()); }

absl::Status MoveIntoJob(const std::string& file, const std::string& folder,
                         const std::string& name, const std::optional<Account>& owner) {
  ASSIGN_OR_RETURN(const auto parts, PartsOf(name));
  ASSIGN_OR_RETURN(const Fd parent, OpenParent(folder, parts, /*make=*/true, owner));
  if (owner && lchown(file.c_str(), owner->uid, owner->gid) != 0)
    return ErrnoStatus("cannot give away", file);
  // A rename replaces a link, and does not follow it.
  if (renameat(AT_FDCWD, file.c_str(), parent.get(), parts.back().c_str()) != 0)
    return ErrnoStatus("cannot replace", absl::StrCat(folder, "/", name));
  return absl::OkStatus();
}

absl::Status MakeOwnFolder(const std::string& folder, const std::optional<Account>& owner) {
  const size_t slash = folder.rfind('/');
  // Folders on the way are for passing through.
  if (slash != 0 && slash != std::string::npos)
    RETURN_IF_ERROR(MakeFolders(folder.substr(0, slash), 0711));
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return ErrnoStatus("cannot make", folder);
  const Fd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.ok()) return LinkError(folder);
  if (owner && fchown(fd.get(), owner->uid, owner->gid) != 0)
    return ErrnoStatus("cannot give away", folder);
  if (fchmod(fd.get(), 0700) != 0) return ErrnoStatus("cannot close to others", folder);
  return absl::OkStatus();
}

}  // namespace octet::isolation
