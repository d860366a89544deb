// What the ends of a node's ranks say about the attempt.
#ifndef OCTET_WORKER_AGENT_VERDICT_H_
#define OCTET_WORKER_AGENT_VERDICT_H_

#include <optional>
#include <string>
#include <vector>

#include "common/process.h"
#include "octet/v1/agents.pb.h"

namespace octet::agent {

/// Exit code of a rank that saved and left because it was asked to.
inline constexpr int kStoppedExitCode = 75;

/// How one rank ended.
struct RankOutcome {
  int rank = 0;
  ExitStatus exit;
  /// The signal that ended it was sent by this agent.
  bool signalled_here = false;
  /// The signal that ended it was sent by its user (SignalAttempt).
  bool signalled_by_user = false;
  /// This agent had asked it to leave before it ended.
  bool asked_to_leave = false;
  /// What the rank itself said went wrong, or this agent in its place.
  std::optional<v1::Failure> reported;
};

/// Judges ranks given in the order in which they ended.
///
/// Success is every rank with exit code 0. An attempt is stopped when every
/// rank left as it was asked to. Otherwise the failure is the one with the
/// best evidence, the earliest among equals: a rank that said what is wrong or
/// that a signal from elsewhere killed; then one that ended without a word;
/// last a report that only echoes another rank's failure (secondary), of which
/// there may be no other on this node. stderr_tail is left to the caller.
/// stop_requested: this agent asked the ranks to leave.
v1::RanksEnded Judge(const std::vector<RankOutcome>& outcomes, const std::string& node,
                     bool stop_requested);

/// The same for a user's command, which knows nothing of this agent: exit code
/// 0 is success and any other the job's own failure, but a rank that was asked
/// to leave was stopped however it ended. A signal from elsewhere wins over
/// exit codes; one from the user is as an exit code.
v1::RanksEnded JudgeCommand(const std::vector<RankOutcome>& outcomes, const std::string& node);

/// The last `lines` lines of a file, of which at most the last 16 KiB are
/// read; bytes that are not UTF-8 are replaced. Empty: no such file.
std::vector<std::string> TailOfFile(const std::string& path, int lines);

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_VERDICT_H_
