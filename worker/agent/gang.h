// The rank processes of one attempt on this node.
#ifndef OCTET_WORKER_AGENT_GANG_H_
#define OCTET_WORKER_AGENT_GANG_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "worker/agent/keeper.h"
#include "worker/agent/rank_command.h"
#include "worker/agent/verdict.h"

namespace octet::agent {

/// Owns the processes, and ends them together: when one fails, the rest can
/// only wait for it, so they are killed. Start, pids, WaitFor and Wait belong
/// to one thread, which does not get SIGPIPE; the rest may come from any, at
/// any time. The destructor kills what is left.
class LocalGang {
 public:
  /// stopped_exit_code: of a rank that left as it was asked to, besides 0.
  explicit LocalGang(int stopped_exit_code = kStoppedExitCode)
      : stopped_exit_code_(stopped_exit_code) {}
  ~LocalGang();
  LocalGang(const LocalGang&) = delete;
  LocalGang& operator=(const LocalGang&) = delete;

  /// Starts all or none; errors as Keeper::Start's. Once.
  absl::Status Start(const std::vector<RankCommand>& commands,
                     const isolation::Confinement& confinement = {});
  /// In the order of the commands.
  std::vector<pid_t> pids() const;
  /// Below which every process of the gang is; 0: nothing runs.
  pid_t root() const { return keeper_ == nullptr ? 0 : keeper_->pid(); }

  /// Asks every rank to save and leave (SIGTERM) and kills those that are
  /// still there after `grace`. A second call can only shorten the grace.
  void Stop(absl::Duration grace);
  /// A user's signal, to every rank's process group.
  void Signal(int signal);
  /// What a rank says went wrong: it is about to end.
  void NoteFailure(int rank, const v1::Failure& failure);
  /// What this agent saw a rank do, in that one's place; the gang is killed at
  /// once. By the waiting thread.
  void Condemn(int rank, const v1::Failure& failure);
  /// Bytes of the whole input from `offset` on, for the rank that reads it.
  /// What came before is skipped; bytes after a gap are not taken. Kept here
  /// until the rank takes them; when it reads no more, they are dropped. end:
  /// nothing follows.
  void Input(int64_t offset, std::string_view data, bool end);
  /// False: the time ran out before every rank had ended.
  bool WaitFor(absl::Duration timeout);
  /// Until every rank and all that it started has ended. Outcomes are in the
  /// order of the ends.
  std::vector<RankOutcome> Wait();
  bool stop_requested() const;
  /// Something killed the keeper, after Wait: what the ranks had started
  /// outside of their groups may still be there.
  bool keeper_lost() const { return keeper_lost_; }

 private:
  struct Member {
    int rank = 0;
    std::optional<ExitStatus> exit;
    int sent_signal = 0;
    bool asked_to_leave = false;
    std::set<int> user_signals;
  };
  // What other threads ask of the waiting one.
  struct Requests {
    std::optional<absl::Duration> stop_deadline;  // On the steady clock.
    std::map<int, v1::Failure> failures;
    std::vector<int> signals;
    std::string input;       // What the rank has not taken yet.
    int64_t input_size = 0;  // Of all that was ever added to `input`.
    bool input_end = false;
    bool input_closed = false;
  };

  void Wake() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Obey();
  void PollOnce(absl::Duration deadline);
  bool HasInput() const;
  void WriteInput();
  void CollectEnds();
  void NoteEnd(size_t index, ExitStatus exit);
  void NoteTrouble(bool clear);
  void SignalAll(int signal);
  std::vector<RankOutcome> Outcomes() const;

  const int stopped_exit_code_;
  // The waiting thread's own.
  std::unique_ptr<Keeper> keeper_;  // Null: nothing runs.
  std::vector<Member> members_;
  std::vector<size_t> ended_;  // Indices, in the order of the ends.
  bool asked_to_leave_ = false;
  bool killed_ = false;
  bool keeper_lost_ = false;
  std::optional<absl::Duration> kill_at_;  // On the steady clock.

  mutable absl::Mutex mutex_;
  Requests requests_ ABSL_GUARDED_BY(mutex_);
  int wake_fd_ ABSL_GUARDED_BY(mutex_) = -1;  // An eventfd, from Start on.
};

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_GANG_H_
