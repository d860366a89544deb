// How a node keeps jobs apart from each other and from itself.
#ifndef OCTET_WORKER_ISOLATION_ISOLATION_H_
#define OCTET_WORKER_ISOLATION_ISOLATION_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/isolation/account.h"
#include "worker/isolation/cgroup.h"
#include "worker/isolation/confinement.h"
#include "worker/isolation/enclosure.h"
#include "worker/isolation/limit_watch.h"

namespace octet::isolation {

enum class Mode {
  /// Jobs are the agent's user: its files, its environment. For one's own
  /// machine.
  kNone,
  /// Everything that the machine has to offer; what it lacks is said.
  kStandard,
  /// The same, but a machine that lacks something is no node.
  kStrict,
};

/// "none", "standard" or "strict". INVALID_ARGUMENT: another.
absl::StatusOr<Mode> ParseMode(const std::string& text);
std::string ToString(Mode mode);

struct IsolationOptions {
  Mode mode = Mode::kNone;
  /// What jobs may read, and what they may write to besides their own folders.
  std::vector<std::string> data_roots, work_roots;
  /// "TEAM=USER"; see AccountMap. For an agent that is root.
  std::vector<std::string> accounts;
  /// Variables of the agent's that jobs get besides those that IsForJobs.
  std::vector<std::string> pass_env;
  /// Absolute paths that jobs never see: where the agent's secrets are.
  std::vector<std::string> hidden;
  /// "auto", "none", or the folder of a group that was handed to this agent.
  std::string cgroup = "auto";
  /// Nothing: a slot's share of what the machine has; without isolation, no
  /// limit.
  std::optional<int64_t> memory_per_slot, disk_per_slot;
  /// Of the agent, and of Octet's programs. Absolute.
  std::string agent_dir, program_dir;
  int slots = 1;
};

/// One attempt, as far as it matters here.
struct Tenant {
  std::string name;  // Such as j5-2: unique on this node.
  std::string team;
  int slots = 1;
  bool devices = false;  // It computes on more than the processor.
  /// Below the agent's: its own folder, and one in which it has a TMPDIR and
  /// which the agent alone can change.
  std::string job_dir, attempt_dir;
  /// In attempt_dir: files that it may read, and that it may write to. Made if
  /// missing.
  std::vector<std::string> read_files, write_files;
  /// What it wants to read, and where it wants to start; empty: in its folder.
  std::vector<std::string> inputs;
  std::string working_dir;
};

/// Constant after construction.
class Isolation {
 public:
  /// INVALID_ARGUMENT: an option that cannot be. NOT_FOUND: a root or a user
  /// that there is not. FAILED_PRECONDITION: what the mode wants cannot be here.
  static absl::StatusOr<std::unique_ptr<Isolation>> Create(IsolationOptions options);

  Mode mode() const { return options_.mode; }
  /// What this machine cannot do for its jobs' isolation, a sentence each.
  const std::vector<std::string>& gaps() const { return gaps_; }
  /// Jobs run as other users than the agent, who have to reach its socket.
  bool has_accounts() const { return !accounts_.empty(); }
  /// What a job with so many slots may use.
  Limits LimitsOf(int slots) const;
  /// The user that the team's jobs run as; nothing: the agent's own.
  std::optional<Account> AccountOf(const std::string& team) const;

  /// Makes the tenant's folders and what binds it. PERMISSION_DENIED: it wants
  /// a path that it may not have. FAILED_PRECONDITION: its team has no account
  /// here.
  absl::StatusOr<std::unique_ptr<Enclosure>> Enclose(const Tenant& tenant) const;

 private:
  explicit Isolation(IsolationOptions options) : options_(std::move(options)) {}
  absl::Status Init();
  absl::Status InitRoots();
  absl::Status InitAccounts();
  void InitLimits();
  absl::Status InitKernel();
  absl::Status MakeFoldersOf(const Tenant& tenant, const std::optional<Account>& owner) const;
  absl::Status CheckWishes(const Tenant& tenant) const;
  absl::StatusOr<Ruleset> RulesetFor(const Tenant& tenant) const;
  bool CanHaveOwnTmp() const;

  IsolationOptions options_;
  AccountMap accounts_;
  std::optional<CgroupFolder> cgroups_;
  bool has_landlock_ = false;
  bool has_mounts_ = false;
  std::vector<std::string> gaps_;
};

}  // namespace octet::isolation

#endif  // OCTET_WORKER_ISOLATION_ISOLATION_H_
