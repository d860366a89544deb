// What a training can die of.
#ifndef OCTET_WORKER_FAILURE_CAUSE_H_
#define OCTET_WORKER_FAILURE_CAUSE_H_

#include <string_view>

namespace octet::failure {

/// As octet.v1.FailureClass: what a cause means for the next attempt.
enum class FailureClass {
  kUnspecified = 0,
  kJob = 1,
  kRankLost = 2,
  kNodeLost = 3,
  kAccuracy = 4,
  kInfrastructure = 5,
  kOutOfMemory = 6,
  kHungRank = 7,
  kTimeLimit = 8,
  kBadData = 9,
};

enum class Cause {
  kUnknown,
  kCancelled,
  kTimeLimit,
  kNodeLost,
  kAgentKilled,
  kOutOfMemory,
  kHang,
  kDiskFull,
  kSlowNetwork,
  kDeviceFault,
  kNan,
  kBadData,
  kWrongCommand,
  kNotAllowed,  // it wanted what the node keeps from it
  kOverLimit,   // of disk or processes; of memory it is kOutOfMemory
  kCrash,
  kKilled,
  kPeerLost,      // the echo of another rank's failure
  kMachineFault,  // the rank says so, and nothing says it better
  kProgramError,
  kSilentEnd,
};

struct CauseFacts {
  Cause cause;
  /// For programs: [a-z_]+.
  std::string_view name;
  FailureClass failure_class;
  /// For people.
  std::string_view title;
  /// What to do about it.
  std::string_view way_out;
};

/// One row a cause.
const CauseFacts& FactsOf(Cause cause);

}  // namespace octet::failure

#endif  // OCTET_WORKER_FAILURE_CAUSE_H_
