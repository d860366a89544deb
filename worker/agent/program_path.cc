#include "worker/agent/program_path.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace octet::agent {
namespace {

bool IsFolder(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

bool IsFile(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

bool CanRun(const std::string& path) { return IsFile(path) && access(path.c_str(), X_OK) == 0; }

// An empty folder in a PATH is the current one.
std::string Below(const std::string& cwd, absl::string_view path) {
  if (path.empty()) return cwd;
  return path[0] == '/' ? std::string(path) : absl::StrCat(cwd, "/", path);
}

absl::Status NotExecutable(const std::string& file) {
  return absl::PermissionDeniedError(
      absl::StrCat("command not found: ", file, " is not an executable file (chmod +x it?)"));
}

}  // namespace

absl::StatusOr<std::string> FindProgram(const std::string& name, const std::string& cwd,
                                        const std::string& path) {
  if (!IsFolder(cwd))
    return absl::NotFoundError(absl::StrCat("there is no working folder ", cwd, " on this node"));
  if (name.find('/') != std::string::npos) {
    const std::string file = Below(cwd, name);
    if (CanRun(file)) return file;
    if (access(file.c_str(), F_OK) == 0) return NotExecutable(file);
    return absl::NotFoundError(absl::StrCat("command not found: ", file));
  }
  std::string unusable;
  for (absl::string_view folder : absl::StrSplit(path, ':')) {
    const std::string file = absl::StrCat(Below(cwd, folder), "/", name);
    if (name.empty()) break;
    if (CanRun(file)) return file;
    if (unusable.empty() && IsFile(file)) unusable = file;
  }
  if (!unusable.empty()) return NotExecutable(unusable);
  return absl::NotFoundError(
      absl::StrCat("command not found: ", name, " is in no folder of PATH (", path, ")"));
}

std::string InheritedPath() {
  const char* path = std::getenv("PATH");
  return path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
}

}  // namespace octet::agent
