// The rules by which a failure gets its cause, as a table.
#ifndef OCTET_WORKER_FAILURE_RULES_H_
#define OCTET_WORKER_FAILURE_RULES_H_

#include <span>
#include <string_view>
#include <vector>

#include "worker/failure/cause.h"

namespace octet::failure {

/// What can be true of an Evidence besides its texts.
enum class Fact {
  // The stop.
  kCancelled,
  kOutOfTime,
  kSignalledByUser,
  kSignalledByAgent,
  // The node.
  kNodeSilent,
  kAgentGone,
  kOomKill,
  kDiskFull,
  kShmFull,
  kRetransmits,
  // The ranks.
  kRankBehind,
  // The process. A shell that tells of its child's signal by an exit code
  // beyond 128 counts as if it had got it itself.
  kSigkill,
  kSigterm,
  kSigbus,
  kSigabrt,
  kSigsegv,  // or SIGILL, SIGFPE, SIGSYS: nobody sends these from outside
  kSigxcpu,
  kSigxfsz,
  kExit126,
  kExit127,
  kFailed,  // any end but exit code 0
  kNotStarted,
  kCommand,
  kEcho,
  kBlamesMachine,
  kReported,
};

/// A short clause on it for people; empty: how the process ended says it.
std::string_view Describe(Fact fact);

/// Where a rule looks for its texts.
enum class Where {
  /// Everything that the process said.
  kAnywhere,
  /// Its last error, and what came after it: a warning that came before may
  /// have been got over.
  kLastWord,
  /// The kernel's log.
  kKernel,
};

/// A rule holds when all its facts do, none of `unless` does, and, if it has
/// texts, one of them is found. A text is found in a line that contains it,
/// upper and lower case alike; '*' in it stands for anything.
struct Rule {
  std::string_view name;
  Cause cause;
  std::vector<Fact> facts;
  std::vector<std::string_view> texts = {};
  Where where = Where::kAnywhere;
  std::vector<Fact> unless = {};
};

/// The strongest first: the first that holds counts.
std::span<const Rule> Rules();

}  // namespace octet::failure

#endif  // OCTET_WORKER_FAILURE_RULES_H_
