#include "worker/isolation/enclosure.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace octet::isolation {
namespace {

constexpr rlim_t kOpenFiles = 65536;
// A tmpfs takes what is written to it, and no more than this of the memory.
constexpr int64_t kShmShare = 2;

}  // namespace

Enclosure::~Enclosure() {
  cgroup_.reset();
  std::error_code ignored;
  // Does not follow links.
  if (!tmp_dir_.empty()) std::filesystem::remove_all(tmp_dir_, ignored);
}

Confinement Enclosure::confinement() const {
  Confinement confinement;
  confinement.on = on_;
  confinement.mounts = mounts_.data();
  confinement.mount_count = mounts_.size();
  if (ruleset_) confinement.ruleset = ruleset_->fd();
  if (cgroup_ != nullptr) confinement.cgroup = cgroup_->procs_fd();
  confinement.limits = resource_limits_.data();
  confinement.limit_count = resource_limits_.size();
  if (account_) {
    confinement.has_account = true;
    confinement.uid = account_->uid;
    confinement.gid = account_->gid;
    confinement.groups = account_->groups.data();
    confinement.group_count = account_->groups.size();
  }
  return confinement;
}

std::optional<Environment> Enclosure::EnvironmentFor(const Environment& own) const {
  if (!on_) return std::nullopt;
  Environment all = own;
  all.insert(base_.begin(), base_.end());
  all.emplace("PATH", "/usr/local/bin:/usr/bin:/bin");
  const std::string& home = all["HOME"];
  const bool usable = std::any_of(work_roots_.begin(), work_roots_.end(), [&](const auto& root) {
    return home == root || absl::StartsWith(home, root + "/");
  });
  if (!usable) all["HOME"] = job_dir_;
  all["TMPDIR"] = tmp_dir_;
  if (account_) all["USER"] = all["LOGNAME"] = account_->user;
  return all;
}

LimitWatch Enclosure::Watch() const {
  Limits left = limits_;
  if (cgroup_ != nullptr) left.memory_bytes = left.processes = kUnlimited;
  std::vector<std::string> folders = {job_dir_};
  if (!tmp_dir_.empty()) folders.push_back(tmp_dir_);
  return LimitWatch(left, std::move(folders));
}

void Enclosure::AddResourceLimits() {
  resource_limits_.push_back({RLIMIT_CORE, {0, 0}});
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = std::min(files.rlim_max, kOpenFiles);
  resource_limits_.push_back({RLIMIT_NOFILE, files});
  // Networks that read and write memory by themselves need it to stay.
  rlimit locked{};
  getrlimit(RLIMIT_MEMLOCK, &locked);
  locked.rlim_cur = locked.rlim_max;
  resource_limits_.push_back({RLIMIT_MEMLOCK, locked});
  if (limits_.disk_bytes != kUnlimited) {
    const auto bytes = static_cast<rlim_t>(limits_.disk_bytes);
    resource_limits_.push_back({RLIMIT_FSIZE, {bytes, bytes}});
  }
  // Counts all that the user runs, so it is no use where that is the agent too.
  if (account_ && limits_.processes != kUnlimited) {
    const auto processes = static_cast<rlim_t>(limits_.processes);
    resource_limits_.push_back({RLIMIT_NPROC, {processes, processes}});
  }
}

void Enclosure::AddMounts(bool own_tmp) {
  shm_options_ = "mode=1777";
  if (limits_.memory_bytes != kUnlimited)
    absl::StrAppend(&shm_options_, ",size=", limits_.memory_bytes / kShmShare);
  mounts_.push_back({.target = "/dev/shm", .options = shm_options_.c_str()});
  if (own_tmp) mounts_.push_back({.source = tmp_dir_.c_str(), .target = "/tmp"});
}

}  // namespace octet::isolation
