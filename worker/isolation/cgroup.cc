#include "worker/isolation/cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/files.h"
#include "common/log.h"
#include "common/status.h"

namespace octet::isolation {
namespace {

constexpr char kPrefix[] = "job-";
constexpr char kAgentGroup[] = "/agent";
constexpr int kWeightOfShare = 100;  // cpu.weight goes from 1 to 10000.

// ReadFile asks for a size, which files in /proc and of groups do not have.
std::string Read(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

absl::Status Write(const std::string& path, const std::string& value) {
  const Fd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.ok()) return ErrnoStatus("cannot open", path);
  if (write(file.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size()))
    return ErrnoStatus(absl::StrCat("cannot write \"", value, "\" to"), path);
  return absl::OkStatus();
}

bool HasController(const std::string& path, absl::string_view name) {
  const std::string text = Read(path + "/cgroup.controllers");
  const std::vector<std::string> controllers =
      absl::StrSplit(absl::StripAsciiWhitespace(text), ' ');
  return std::count(controllers.begin(), controllers.end(), name) > 0;
}

// systemd marks what it hands over, for its own user and for others.
bool IsDelegated(const std::string& path) {
  char value = 0;
  for (const char* name : {"trusted.delegate", "user.delegate"})
    if (getxattr(path.c_str(), name, &value, 1) == 1 && value == '1') return true;
  return false;
}

// The place where the file system of this type is mounted; version 1 has one
// for each controller.
std::string MountPoint(const std::string& root, absl::string_view type, absl::string_view option) {
  for (const absl::string_view line : absl::StrSplit(Read(root + "/proc/self/mountinfo"), '\n')) {
    const std::pair<absl::string_view, absl::string_view> halves = absl::StrSplit(line, " - ");
    const std::vector<absl::string_view> where = absl::StrSplit(halves.first, ' ');
    const std::vector<absl::string_view> what = absl::StrSplit(halves.second, ' ');
    if (where.size() < 5 || what.size() < 3 || what[0] != type) continue;
    const std::vector<absl::string_view> options = absl::StrSplit(what[2], ',');
    if (option.empty() || std::count(options.begin(), options.end(), option) > 0)
      return std::string(where[4]);
  }
  return "";
}

// The line "N:controller:/path" of this process; controller "" is version 2.
std::string GroupPath(const std::string& root, absl::string_view controller) {
  for (const absl::string_view line : absl::StrSplit(Read(root + "/proc/self/cgroup"), '\n')) {
    const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() == 3 && parts[1] == controller)
      return parts[2] == "/" ? "" : std::string(parts[2]);
  }
  return "";
}

void RemoveGroup(const std::string& path) {
  // Killed processes leave their group once they are reaped.
  constexpr int kTries = 200;
  for (int tries = 0; tries < kTries; ++tries) {
    if (rmdir(path.c_str()) == 0 || errno != EBUSY) return;
    absl::SleepFor(absl::Milliseconds(10));
  }
  spdlog::warn("{} still has processes and stays", path);
}

void KillGroup(const std::string& path) {
  if (Write(path + "/cgroup.kill", "1").ok()) return;
  // Before Linux 5.14.
  for (const absl::string_view line : absl::StrSplit(Read(path + "/cgroup.procs"), '\n')) {
    pid_t pid = 0;
    if (absl::SimpleAtoi(line, &pid) && pid > 1) kill(pid, SIGKILL);
  }
}

void RemoveLeftovers(const std::string& path) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    if (!absl::StartsWith(entry.path().filename().string(), kPrefix)) continue;
    KillGroup(entry.path());
    RemoveGroup(entry.path());
  }
}

std::string OrMax(int64_t limit) { return limit == kUnlimited ? "max" : absl::StrCat(limit); }

int64_t NumberIn(const std::string& path) {
  int64_t number = 0;
  return absl::SimpleAtoi(Read(path), &number) && number > 0 ? number : kUnlimited;
}

}  // namespace

Cgroup::~Cgroup() {
  Kill();
  RemoveGroup(path_);
}

void Cgroup::Kill() { KillGroup(path_); }

int64_t Cgroup::OomKills() const {
  for (const absl::string_view line : absl::StrSplit(Read(path_ + "/memory.events"), '\n')) {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(line, ' ');
    int64_t count = 0;
    if (parts.first == "oom_kill" && absl::SimpleAtoi(parts.second, &count)) return count;
  }
  return 0;
}

absl::StatusOr<CgroupFolder> CgroupFolder::TakeOver(const std::string& path) {
  const std::string folder = path.empty() ? OwnCgroup() : path;
  if (folder.empty()) return absl::FailedPreconditionError("this machine has no cgroup2");
  if (path.empty() && !IsDelegated(folder))
    return absl::FailedPreconditionError(
        absl::StrCat(folder, " was not handed to this agent (systemd: Delegate=yes)"));
  for (const char* controller : {"memory", "pids"})
    if (!HasController(folder, controller))
      return absl::FailedPreconditionError(
          absl::StrCat(folder, " has no ", controller, " controller"));
  RemoveLeftovers(folder);
  const std::string own = folder + kAgentGroup;
  if (mkdir(own.c_str(), 0755) != 0 && errno != EEXIST) return ErrnoStatus("cannot make", own);
  RETURN_IF_ERROR(Write(own + "/cgroup.procs", absl::StrCat(getpid())));
  std::string controllers = "+memory +pids";
  if (HasController(folder, "cpu")) controllers += " +cpu";
  RETURN_IF_ERROR(Write(folder + "/cgroup.subtree_control", controllers));
  return CgroupFolder(folder);
}

absl::StatusOr<std::unique_ptr<Cgroup>> CgroupFolder::Make(const std::string& name,
                                                           const Limits& limits, int share) const {
  const std::string path = absl::StrCat(path_, "/", kPrefix, name);
  if (mkdir(path.c_str(), 0755) != 0) return ErrnoStatus("cannot make", path);
  std::unique_ptr<Cgroup> group(new Cgroup(path));
  for (const CgroupSetting& setting : CgroupSettings(limits, share)) {
    const absl::Status written = Write(absl::StrCat(path, "/", setting.file), setting.value);
    if (setting.needed) RETURN_IF_ERROR(written);
  }
  group->procs_ = Fd(open((path + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  if (!group->procs_.ok()) return ErrnoStatus("cannot open", path + "/cgroup.procs");
  return group;
}

std::vector<CgroupSetting> CgroupSettings(const Limits& limits, int share) {
  return {{"memory.max", OrMax(limits.memory_bytes)},
          // Half of a job that is killed is a job that hangs.
          {"memory.oom.group", "1", /*needed=*/false},
          {"memory.swap.max", limits.memory_bytes == kUnlimited ? "max" : "0", /*needed=*/false},
          {"pids.max", OrMax(limits.processes)},
          {"cpu.weight", absl::StrCat(kWeightOfShare * std::clamp(share, 1, 100)),
           /*needed=*/false}};
}

std::string OwnCgroup(const std::string& root) {
  const std::string mounted = MountPoint(root, "cgroup2", "");
  return mounted.empty() ? "" : mounted + GroupPath(root, "");
}

int64_t MemoryOfMachine(const std::string& root) {
  int64_t least = kUnlimited;
  for (const absl::string_view line : absl::StrSplit(Read(root + "/proc/meminfo"), '\n')) {
    int64_t kilobytes = 0;
    if (absl::StartsWith(line, "MemTotal:") &&
        absl::SimpleAtoi(absl::StripAsciiWhitespace(
                             absl::StripSuffix(absl::StripPrefix(line, "MemTotal:"), "kB")),
                         &kilobytes))
      least = kilobytes * 1024;
  }
  if (const std::string own = OwnCgroup(root); !own.empty())
    least = std::min(least, NumberIn(absl::StrCat(root, own, "/memory.max")));
  if (const std::string mounted = MountPoint(root, "cgroup", "memory"); !mounted.empty()) {
    const std::string own = absl::StrCat(root, mounted, GroupPath(root, "memory"));
    least = std::min(least, NumberIn(own + "/memory.limit_in_bytes"));
  }
  return least;
}

}  // namespace octet::isolation
