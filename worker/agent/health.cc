#include "worker/agent/health.h"

#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace octet::agent {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;
// Less than this a checkpoint of a small model fills up.
constexpr int64_t kDiskRoom = 256 * kMiB;
constexpr int64_t kShmRoom = 16 * kMiB;

}  // namespace

std::vector<RoomNeeded> RoomNeededBy(const std::string& dir) {
  return {{dir, kDiskRoom}, {"/dev/shm", kShmRoom}};
}

std::vector<std::string> ProblemsOf(const std::vector<RoomNeeded>& needed) {
  std::vector<std::string> problems;
  for (const RoomNeeded& room : needed) {
    struct statvfs disk;
    if (statvfs(room.folder.c_str(), &disk) != 0) {
      if (errno != ENOENT)
        problems.push_back(absl::StrCat(room.folder, " cannot be read: ", strerror(errno)));
      continue;
    }
    const auto free = static_cast<int64_t>(disk.f_bavail * disk.f_frsize);
    if ((disk.f_flag & ST_RDONLY) != 0)
      problems.push_back(absl::StrCat(room.folder, " is read-only"));
    else if (free < room.bytes)
      problems.push_back(
          absl::StrCat(room.folder, " has less than ", room.bytes / kMiB, " MiB left"));
  }
  return problems;
}

}  // namespace octet::agent
