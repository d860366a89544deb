#include "worker/isolation/isolation.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/files.h"
#include "common/status.h"
#include "worker/isolation/job_folder.h"
#include "worker/isolation/landlock.h"

extern char** environ;

namespace octet::isolation {
namespace {

namespace fs = std::filesystem;

// For the system and the agent, of which jobs get no share.
constexpr int64_t kSystemMemory = int64_t{1} << 30;
constexpr int64_t kSystemDisk = int64_t{1} << 30;
constexpr int64_t kSystemShare = 20;  // But at least a twentieth.
// So many threads start no more; the kernel's own table has 2^22 at most.
constexpr int64_t kProcesses = 16384;

// Programs, libraries and what they need to know of the machine.
constexpr const char* kSystem[] = {"/bin",
                                   "/etc",
                                   "/lib",
                                   "/lib32",
                                   "/lib64",
                                   "/libx32",
                                   "/nix/store",
                                   "/opt",
                                   "/run/NetworkManager",
                                   "/run/nscd",
                                   "/run/nvidia-persistenced",
                                   "/run/resolvconf",
                                   "/run/systemd/resolve",
                                   "/sbin",
                                   "/sys",
                                   "/usr",
                                   "/var/lib/sss"};
constexpr const char* kCommonDevices[] = {"/dev/full", "/dev/null", "/dev/random", "/dev/urandom",
                                          "/dev/zero"};
// Accelerators' and fast networks', by the beginnings of their names.
constexpr const char* kDevices[] = {"accel", "dri",    "dxg",  "gdrdrv",    "infiniband",
                                    "kfd",   "nvidia", "vfio", "ummunotify"};

bool IsBelow(const std::string& path, const std::string& folder) {
  return path == folder || folder == "/" || absl::StartsWith(path, folder + "/");
}

// Without symbolic links and "..", also for what is not there yet.
std::string Real(const std::string& path) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(path, error);
  return error ? fs::path(path).lexically_normal().string() : real.string();
}

int64_t Share(int64_t whole, int64_t reserve, int slots) {
  return (whole - std::max(reserve, whole / kSystemShare)) / std::max(slots, 1);
}

absl::Status MakeFile(const std::string& path, mode_t mode, const std::optional<Account>& owner) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!fd.ok()) return ErrnoStatus("cannot make", path);
  if (fchmod(fd.get(), mode) != 0 || (owner && fchown(fd.get(), owner->uid, owner->gid) != 0))
    return ErrnoStatus("cannot give away", path);
  return absl::OkStatus();
}

// Whether this process may mount for itself: root in a container may not.
bool CanMount() {
  const pid_t child = fork();
  if (child == 0)
    _exit(unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0
              ? 0
              : 1);
  int status = 1;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return child > 0 && status == 0;
}

// A folder that other users can pass through, not look into.
absl::Status MakePassage(const std::string& folder) {
  RETURN_IF_ERROR(MakeFolders(folder, 0711));
  if (chmod(folder.c_str(), 0711) != 0) return ErrnoStatus("cannot open to jobs", folder);
  return absl::OkStatus();
}

absl::Status AllowDevices(Ruleset& ruleset) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/dev", error)) {
    const std::string name = entry.path().filename();
    for (const char* beginning : kDevices)
      if (absl::StartsWith(name, beginning))
        RETURN_IF_ERROR(ruleset.AllowIfThere(entry.path(), Access::kDevice));
  }
  // CUDA names its threads there, and takes it ill when it cannot. What is not
  // the job's own process is still closed to it.
  return ruleset.Allow("/proc", Access::kProc);
}

}  // namespace

absl::StatusOr<Mode> ParseMode(const std::string& text) {
  if (text == "none") return Mode::kNone;
  if (text == "standard") return Mode::kStandard;
  if (text == "strict") return Mode::kStrict;
  return absl::InvalidArgumentError(
      absl::StrCat("there is no isolation \"", text, "\"; there are none, standard and strict"));
}

std::string ToString(Mode mode) {
  switch (mode) {
    case Mode::kNone:
      return "none";
    case Mode::kStandard:
      return "standard";
    case Mode::kStrict:
      return "strict";
  }
  return "";
}

absl::StatusOr<std::unique_ptr<Isolation>> Isolation::Create(IsolationOptions options) {
  std::unique_ptr<Isolation> isolation(new Isolation(std::move(options)));
  RETURN_IF_ERROR(isolation->Init());
  return isolation;
}

absl::Status Isolation::Init() {
  InitLimits();
  if (options_.mode == Mode::kNone) {
    if (!options_.accounts.empty())
      return absl::InvalidArgumentError(
          "--account needs isolation: add --isolation standard, or leave it out");
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(InitRoots());
  RETURN_IF_ERROR(InitAccounts());
  return InitKernel();
}

absl::Status Isolation::InitRoots() {
  options_.hidden.push_back(options_.agent_dir);
  for (std::string& path : options_.hidden) path = Real(path);
  for (auto* roots : {&options_.data_roots, &options_.work_roots}) {
    for (std::string& root : *roots) {
      if (access(root.c_str(), F_OK) != 0) return ErrnoStatus("jobs cannot have the folder", root);
      root = Real(root);
    }
  }
  for (const std::string& root : options_.work_roots)
    for (const std::string& path : options_.hidden)
      if (IsBelow(path, root) || IsBelow(root, path))
        return absl::InvalidArgumentError(
            absl::StrCat("jobs cannot write to ", root, ": the agent's own ", path,
                         IsBelow(path, root) ? " is in it" : " is around it"));
  return absl::OkStatus();
}

absl::Status Isolation::InitAccounts() {
  ASSIGN_OR_RETURN(accounts_, AccountMap::Parse(options_.accounts));
  const bool root = geteuid() == 0;
  if (root && accounts_.empty())
    return absl::FailedPreconditionError(
        "an agent that is root starts no job as root: say as whom by --account TEAM=USER (or "
        "'*=USER' for all teams), run the agent as another user, or give --isolation none");
  if (!root && !accounts_.empty())
    return absl::FailedPreconditionError(
        "only an agent that is root can start jobs as other users; leave --account out");
  if (accounts_.empty()) {
    gaps_.push_back("all teams' jobs are the agent's user (no --account)");
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(MakePassage(options_.agent_dir));
  for (const auto& [team, account] : accounts_.by_team())
    RETURN_IF_ERROR(CheckReach(account, options_.agent_dir));
  return absl::OkStatus();
}

void Isolation::InitLimits() {
  if (options_.mode == Mode::kNone) {
    options_.memory_per_slot = options_.memory_per_slot.value_or(kUnlimited);
    options_.disk_per_slot = options_.disk_per_slot.value_or(kUnlimited);
    return;
  }
  if (!options_.memory_per_slot)
    options_.memory_per_slot = Share(MemoryOfMachine(), kSystemMemory, options_.slots);
  struct statvfs disk;
  if (!options_.disk_per_slot && statvfs(options_.agent_dir.c_str(), &disk) == 0)
    options_.disk_per_slot =
        Share(static_cast<int64_t>(disk.f_blocks * disk.f_frsize), kSystemDisk, options_.slots);
  if (!options_.disk_per_slot) options_.disk_per_slot = kUnlimited;
}

absl::Status Isolation::InitKernel() {
  const int version = LandlockVersion();
  has_landlock_ = version > 0;
  if (!has_landlock_)
    gaps_.push_back("the kernel has no Landlock: files are kept apart by their modes alone");
  else if (version < kLandlockScopes && accounts_.empty())
    gaps_.push_back(
        "the kernel's Landlock is too old (before 6.12) to keep jobs from signalling "
        "other processes of the agent's user");
  if (options_.cgroup != "none") {
    auto cgroups = CgroupFolder::TakeOver(options_.cgroup == "auto" ? "" : options_.cgroup);
    if (cgroups.ok()) cgroups_ = *std::move(cgroups);
    if (!cgroups.ok() && options_.cgroup != "auto") return cgroups.status();
    if (!cgroups.ok())
      gaps_.push_back(absl::StrCat("no cgroup (", std::string(cgroups.status().message()),
                                   "): memory is watched by the agent, five times a second"));
  } else {
    gaps_.push_back("no cgroup, as asked: memory is watched by the agent, five times a second");
  }
  has_mounts_ = CanMount();
  if (!has_mounts_)
    gaps_.push_back("/dev/shm is shared by all jobs: the agent has no right to mount");
  if (options_.mode == Mode::kStrict && !gaps_.empty())
    return absl::FailedPreconditionError(
        absl::StrCat("this machine cannot keep jobs apart as --isolation strict wants it: ",
                     absl::StrJoin(gaps_, "; "), ". Mend that, or give --isolation standard"));
  return absl::OkStatus();
}

Limits Isolation::LimitsOf(int slots) const {
  const auto times = [slots](int64_t each) {
    return each >= kUnlimited / std::max(slots, 1) ? kUnlimited : each * slots;
  };
  return {.memory_bytes = times(*options_.memory_per_slot),
          .disk_bytes = times(*options_.disk_per_slot),
          .processes = options_.mode == Mode::kNone ? kUnlimited : kProcesses};
}

std::optional<Account> Isolation::AccountOf(const std::string& team) const {
  const Account* account = accounts_.Find(team);
  return account == nullptr ? std::nullopt : std::optional(*account);
}

absl::Status Isolation::CheckWishes(const Tenant& tenant) const {
  const auto below = [](const std::string& path, const std::vector<std::string>& roots) {
    return std::any_of(roots.begin(), roots.end(),
                       [&](const std::string& root) { return IsBelow(path, root); });
  };
  const std::string own = Real(tenant.job_dir);
  std::vector<std::string> wishes = tenant.inputs;
  if (!tenant.working_dir.empty()) wishes.push_back(tenant.working_dir);
  for (const std::string& wish : wishes) {
    const std::string path = Real(wish);
    if (IsBelow(path, own)) continue;
    const bool system = below(path, {"/usr", "/opt"});
    const bool open =
        system || below(path, options_.data_roots) || below(path, options_.work_roots);
    if (!open || below(path, options_.hidden))
      return absl::PermissionDeniedError(
          absl::StrCat(wish,
                       " is closed to jobs here: it is below no --data-root or --work-root of this "
                       "node's agent"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Ruleset> Isolation::RulesetFor(const Tenant& tenant) const {
  ASSIGN_OR_RETURN(Ruleset ruleset, Ruleset::Create());
  std::vector<std::string> readable(std::begin(kSystem), std::end(kSystem));
  readable.push_back(options_.program_dir);
  readable.insert(readable.end(), options_.data_roots.begin(), options_.data_roots.end());
  for (const std::string& path : readable) {
    const absl::Status status = ruleset.AllowExcept(path, options_.hidden);
    if (!status.ok() && !absl::IsNotFound(status)) return status;
  }
  RETURN_IF_ERROR(ruleset.Allow("/proc", Access::kRead));
  for (const char* device : kCommonDevices)
    RETURN_IF_ERROR(ruleset.AllowIfThere(device, Access::kDevice));
  if (tenant.devices) RETURN_IF_ERROR(AllowDevices(ruleset));
  RETURN_IF_ERROR(ruleset.AllowIfThere("/dev/shm", Access::kReadWrite));
  for (const std::string& root : options_.work_roots)
    RETURN_IF_ERROR(ruleset.Allow(root, Access::kReadWrite));
  RETURN_IF_ERROR(ruleset.Allow(tenant.job_dir, Access::kReadWrite));
  RETURN_IF_ERROR(ruleset.Allow(tenant.attempt_dir + "/tmp", Access::kReadWrite));
  for (const std::string& file : tenant.read_files)
    RETURN_IF_ERROR(ruleset.Allow(file, Access::kRead));
  for (const std::string& file : tenant.write_files)
    RETURN_IF_ERROR(ruleset.Allow(file, Access::kReadWrite));
  return ruleset;
}

// Not where that would hide what the job needs to see.
bool Isolation::CanHaveOwnTmp() const {
  std::vector<std::string> needed = {options_.agent_dir, options_.program_dir};
  needed.insert(needed.end(), options_.data_roots.begin(), options_.data_roots.end());
  needed.insert(needed.end(), options_.work_roots.begin(), options_.work_roots.end());
  return std::none_of(needed.begin(), needed.end(),
                      [](const std::string& path) { return IsBelow(Real(path), "/tmp"); });
}

absl::Status Isolation::MakeFoldersOf(const Tenant& tenant,
                                      const std::optional<Account>& owner) const {
  const std::string jobs = tenant.job_dir.substr(0, tenant.job_dir.rfind('/'));
  for (const std::string& folder : {jobs, tenant.attempt_dir}) {
    RETURN_IF_ERROR(MakeFolders(folder, 0700));
    // From the agent's own folder down.
    for (size_t end = options_.agent_dir.size(); owner && end != std::string::npos;) {
      end = folder.find('/', end + 1);
      RETURN_IF_ERROR(MakePassage(folder.substr(0, end)));
    }
  }
  if (options_.mode == Mode::kNone) return MakeFolders(tenant.job_dir);
  return MakeOwnFolder(tenant.job_dir, owner);
}

absl::StatusOr<std::unique_ptr<Enclosure>> Isolation::Enclose(const Tenant& tenant) const {
  std::unique_ptr<Enclosure> enclosure(new Enclosure());
  enclosure->job_dir_ = tenant.job_dir;
  enclosure->limits_ = LimitsOf(tenant.slots);
  enclosure->account_ = AccountOf(tenant.team);
  const std::optional<Account>& owner = enclosure->account_;
  if (has_accounts() && !owner)
    return absl::FailedPreconditionError(absl::StrCat(
        "team ", tenant.team, " has no account on this node (--account ", tenant.team, "=USER)"));
  RETURN_IF_ERROR(MakeFoldersOf(tenant, owner));
  if (options_.mode == Mode::kNone) return enclosure;

  enclosure->on_ = true;
  RETURN_IF_ERROR(CheckWishes(tenant));
  for (const std::string& file : tenant.read_files) RETURN_IF_ERROR(MakeFile(file, 0400, owner));
  for (const std::string& file : tenant.write_files) RETURN_IF_ERROR(MakeFile(file, 0600, owner));
  enclosure->tmp_dir_ = tenant.attempt_dir + "/tmp";
  RETURN_IF_ERROR(MakeOwnFolder(enclosure->tmp_dir_, owner));
  if (has_landlock_) {
    ASSIGN_OR_RETURN(enclosure->ruleset_, RulesetFor(tenant));
  }
  if (cgroups_) {
    ASSIGN_OR_RETURN(enclosure->cgroup_,
                     cgroups_->Make(tenant.name, enclosure->limits_, tenant.slots));
  }
  enclosure->AddResourceLimits();
  if (has_mounts_) enclosure->AddMounts(CanHaveOwnTmp());
  enclosure->base_ = CleanEnvironment(environ, options_.pass_env);
  enclosure->work_roots_ = options_.work_roots;
  return enclosure;
}

}  // namespace octet::isolation
