// The process between the agent and an attempt's ranks.
#ifndef OCTET_WORKER_AGENT_KEEPER_H_
#define OCTET_WORKER_AGENT_KEEPER_H_

#include <sys/types.h>

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "common/process.h"
#include "worker/agent/keeper_plan.h"
#include "worker/agent/rank_command.h"
#include "worker/isolation/confinement.h"

namespace octet::agent {

/// Has a small child of the agent, forked and not exec'd, that is the parent
/// of one attempt's ranks and of every descendant that loses its own: nothing
/// that a rank starts can leave it, not by a new session, a double fork or a
/// clean environment. When the agent dies, however it does, the child sees
/// its socket close, kills them all, and ends. The ranks in turn die with it.
/// Each rank leads a process group. A child of which all ranks and descendants
/// are gone serves a later attempt. Not thread-safe; different ones are
/// independent.
class Keeper {
 public:
  /// Starts all or none; returns when every program runs. NOT_FOUND,
  /// PERMISSION_DENIED: a program or its folder. INVALID_ARGUMENT: a file that
  /// is no program, or too long a command. Else: the machine's fault.
  /// confinement: what binds them all; with one, the child serves nobody else.
  static absl::StatusOr<std::unique_ptr<Keeper>> Start(
      const std::vector<RankCommand>& commands, const isolation::Confinement& confinement = {});
  /// Kills what is left and waits until it is gone. Leaves the child for
  /// another to use if Read has told that nothing was.
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  /// The child: every process of the attempt is below it.
  pid_t pid() const { return pid_; }
  /// In the order of the commands.
  const std::vector<pid_t>& pids() const { return pids_; }
  /// Readable (poll) when Read has something to say.
  int fd() const { return control_; }
  /// The pipe to the rank that has one, which does not block; -1: none does.
  int input_fd() const { return input_; }
  void CloseInput();

  struct End {
    size_t index = 0;
    ExitStatus exit;
  };
  struct News {
    std::vector<End> ends;
    /// Nothing is left of the ranks and their descendants.
    bool gone = false;
  };
  /// What has happened since the last call; waits for something to. A keeper
  /// that was killed is gone without the ends of its ranks, which die with it.
  News Read();

  /// To the process group of every rank that has not ended.
  void Signal(int signal);

 private:
  Keeper() = default;
  absl::Status Begin(const std::vector<RankCommand>& commands,
                     const isolation::Confinement& confinement);
  absl::Status Fork(const isolation::Confinement& confinement);
  bool Send(const std::vector<int>& fds);
  bool WasRead() const;
  absl::Status AwaitStart(const std::vector<RankCommand>& commands);
  ssize_t ReceiveNews();
  void Dismiss();

  pid_t pid_ = -1;
  int control_ = -1;
  bool idle_ = false;  // Nothing is left of the ranks.
  bool confined_ = false;
  int input_ = -1;
  std::vector<pid_t> pids_;
  std::vector<KeeperNews> news_;  // Room for a packet.
};

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_KEEPER_H_
