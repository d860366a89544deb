// Where a rank is in its training, for whoever asks who is behind.
#ifndef OCTET_WORKER_FAILURE_POSITION_H_
#define OCTET_WORKER_FAILURE_POSITION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace octet::failure {

/// What a rank does between two steps of its training.
enum class Phase : uint8_t {
  kStart,          // opens its data and meets the others
  kData,           // waits for its images
  kCompute,        // forward and backward pass, update
  kCommunication,  // its own part is done: waits for the other ranks
  kEvaluate,       // on its part of the test split
  kSave,           // writes files
};

/// Whether the process runs, as the kernel says.
enum class RunState : uint8_t {
  kRuns,
  kStopped,  // by SIGSTOP, a terminal or a debugger
  kStuck,    // in the kernel, which waits for a disk or a device
};

struct RankPosition {
  int rank = 0;
  int64_t step = 0;
  Phase phase = Phase::kStart;
  RunState state = RunState::kRuns;
  /// How long it has been there without any progress.
  absl::Duration standing;
};

/// The rank that the others wait for: one that does not run, or that is not at
/// the collective where others are; null: all wait alike, or there are none.
const RankPosition* FindBehind(const std::vector<RankPosition>& positions);

/// "computing step 57 for 31 s"; before it, why it does not run, if so.
std::string ToString(const RankPosition& position);

}  // namespace octet::failure

#endif  // OCTET_WORKER_FAILURE_POSITION_H_
