#include "worker/isolation/account.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status.h"

namespace octet::isolation {
namespace {

std::vector<gid_t> GroupsOf(const char* user, gid_t gid) {
  std::vector<gid_t> groups(32);
  int count = static_cast<int>(groups.size());
  while (getgrouplist(user, gid, groups.data(), &count) < 0)
    groups.resize(std::max(static_cast<size_t>(count), 2 * groups.size()));
  groups.resize(static_cast<size_t>(count));
  return groups;
}

bool MayPass(const Account& account, const struct stat& info) {
  if (info.st_uid == account.uid) return (info.st_mode & S_IXUSR) != 0;
  const bool member = info.st_gid == account.gid ||
                      std::count(account.groups.begin(), account.groups.end(), info.st_gid) > 0;
  return (info.st_mode & (member ? S_IXGRP : S_IXOTH)) != 0;
}

}  // namespace

absl::StatusOr<Account> FindAccount(const std::string& user) {
  std::vector<char> room(16 << 10);
  passwd entry;
  passwd* found = nullptr;
  int error;
  while ((error = getpwnam_r(user.c_str(), &entry, room.data(), room.size(), &found)) == ERANGE)
    room.resize(2 * room.size());
  if (found == nullptr)
    return absl::NotFoundError(absl::StrCat("this machine has no user \"", user, "\""));
  if (entry.pw_uid == 0)
    return absl::InvalidArgumentError(
        absl::StrCat("user ", user, " is root: jobs never run as root"));
  return Account{user, entry.pw_uid, entry.pw_gid, GroupsOf(entry.pw_name, entry.pw_gid)};
}

absl::Status CheckReach(const Account& account, const std::string& path) {
  for (size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const std::string part = path.substr(0, end);
    struct stat info;
    if (stat(part.c_str(), &info) != 0) return ErrnoStatus("cannot look at", part);
    if (S_ISDIR(info.st_mode) && !MayPass(account, info))
      return absl::PermissionDeniedError(
          absl::StrCat(path, " cannot be reached by user ", account.user, ": ", part,
                       " is closed to it (chmod o+x, or another --dir)"));
  }
  return absl::OkStatus();
}

absl::StatusOr<AccountMap> AccountMap::Parse(const std::vector<std::string>& pairs) {
  AccountMap map;
  for (const std::string& pair : pairs) {
    const size_t equals = pair.find('=');
    if (equals == 0 || equals == std::string::npos)
      return absl::InvalidArgumentError(absl::StrCat("--account ", pair, ": is not TEAM=USER"));
    auto account = FindAccount(pair.substr(equals + 1));
    if (!account.ok()) return Annotate(account.status(), absl::StrCat("--account ", pair));
    map.by_team_[pair.substr(0, equals)] = *std::move(account);
  }
  return map;
}

const Account* AccountMap::Find(const std::string& team) const {
  auto found = by_team_.find(team);
  if (found == by_team_.end()) found = by_team_.find("*");
  return found == by_team_.end() ? nullptr : &found->second;
}

}  // namespace octet::isolation
