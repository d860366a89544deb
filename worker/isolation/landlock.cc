#include "worker/isolation/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status.h"

namespace octet::isolation {
namespace {

// Of later kernels than the headers that this is built with.
constexpr uint64_t kRefer = 1u << 13, kTruncate = 1u << 14, kIoctlDevice = 1u << 15;
constexpr uint64_t kScopeAbstractSockets = 1u << 0, kScopeSignals = 1u << 1;

struct RulesetAttributes {
  uint64_t files, network, scopes;
};

constexpr uint64_t kReadRights =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr uint64_t kWriteRights =
    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | kRefer | kTruncate;
constexpr uint64_t kDeviceNodes = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
constexpr uint64_t kRightsOfFiles = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
                                    LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate | kIoctlDevice;

uint64_t KnownRights(int version) {
  uint64_t rights = kReadRights | kWriteRights | kDeviceNodes | kIoctlDevice;
  if (version < 2) rights &= ~kRefer;
  if (version < 3) rights &= ~kTruncate;
  if (version < 5) rights &= ~kIoctlDevice;
  return rights;
}

uint64_t RightsOf(Access access) {
  switch (access) {
    case Access::kRead:
      return kReadRights;
    case Access::kReadWrite:
      return kReadRights | kWriteRights;
    case Access::kDevice:
      return LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
             LANDLOCK_ACCESS_FS_READ_DIR | kTruncate | kIoctlDevice;
    case Access::kProc:
      return kReadRights | LANDLOCK_ACCESS_FS_WRITE_FILE;
  }
  return 0;
}

// System calls only.
bool AddRule(int ruleset, const char* path, uint64_t rights) {
  const int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) return false;
  struct stat info;
  bool added = fstat(fd, &info) == 0;
  if (added) {
    const bool folder = (info.st_mode & S_IFMT) == S_IFDIR;
    const landlock_path_beneath_attr rule = {
        .allowed_access =
            rights & KnownRights(LandlockVersion()) & (folder ? ~uint64_t{0} : kRightsOfFiles),
        .parent_fd = fd};
    added = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
  }
  const int error = errno;
  close(fd);
  errno = error;
  return added;
}

bool IsOrHolds(const std::string& folder, const std::string& path) {
  return path == folder || folder == "/" || absl::StartsWith(path, folder + "/");
}

}  // namespace

int LandlockVersion() {
  const long version =
      syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version > 0 ? static_cast<int>(version) : 0;
}

absl::StatusOr<Ruleset> Ruleset::Create() {
  const int version = LandlockVersion();
  if (version == 0)
    return absl::UnimplementedError("this machine's kernel has no Landlock, or it is off");
  const RulesetAttributes attributes = {
      .files = KnownRights(version),
      .network = 0,
      .scopes = version < kLandlockScopes ? 0 : kScopeAbstractSockets | kScopeSignals};
  // Older kernels take a longer structure as long as what they do not know is 0.
  const long fd = syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
  if (fd < 0) return ErrnoStatus("cannot make", "a Landlock ruleset");
  return Ruleset(Fd(static_cast<int>(fd)));
}

absl::Status Ruleset::Allow(const std::string& path, Access access) {
  if (AddRule(fd_.get(), path.c_str(), RightsOf(access))) return absl::OkStatus();
  return ErrnoStatus("cannot open to jobs", path);
}

absl::Status Ruleset::AllowIfThere(const std::string& path, Access access) {
  const absl::Status status = Allow(path, access);
  return absl::IsNotFound(status) || absl::IsPermissionDenied(status) ? absl::OkStatus() : status;
}

absl::Status Ruleset::AllowExcept(const std::string& folder,
                                  const std::vector<std::string>& hidden) {
  std::error_code error;
  // As the kernel will see it: /lib may be a link to /usr/lib.
  const std::string real = std::filesystem::canonical(folder, error).string();
  if (error) return absl::NotFoundError(absl::StrCat("there is no ", folder));
  const auto hides = [&](const auto& matches) {
    return std::any_of(hidden.begin(), hidden.end(), matches);
  };
  if (hides([&](const std::string& path) { return IsOrHolds(path, real); }))
    return absl::OkStatus();
  if (!hides([&](const std::string& path) { return IsOrHolds(real, path); }))
    return Allow(real, Access::kRead);
  for (const auto& entry : std::filesystem::directory_iterator(
           real, std::filesystem::directory_options::skip_permission_denied, error)) {
    // What a link leads to is allowed where it is, or not.
    if (entry.is_symlink(error)) continue;
    const absl::Status status = AllowExcept(entry.path(), hidden);
    if (!status.ok() && !absl::IsNotFound(status)) return status;
  }
  return absl::OkStatus();
}

bool AllowReadWrite(int ruleset, const char* path) {
  return AddRule(ruleset, path, RightsOf(Access::kReadWrite));
}

bool RestrictSelf(int ruleset) { return syscall(SYS_landlock_restrict_self, ruleset, 0) == 0; }

}  // namespace octet::isolation
