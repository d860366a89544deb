#include "worker/failure/position.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace octet::failure {
namespace {

// Goes before "step 57".
const char* PlaceIn(Phase phase) {
  switch (phase) {
    case Phase::kStart:
      return "at the start, before";
    case Phase::kData:
      return "waiting for the data of";
    case Phase::kCompute:
      return "computing";
    case Phase::kCommunication:
      return "in communication of";
    case Phase::kEvaluate:
      return "evaluating after";
    case Phase::kSave:
      return "saving after";
  }
  return "before";
}

}  // namespace

const RankPosition* FindBehind(const std::vector<RankPosition>& positions) {
  if (positions.empty()) return nullptr;
  int64_t furthest = 0;
  for (const RankPosition& position : positions) furthest = std::max(furthest, position.step);
  const auto waits = [&](const RankPosition& position) {
    return position.state == RunState::kRuns && position.phase == Phase::kCommunication &&
           position.step == furthest;
  };
  // Of those that do not wait: one that cannot run before one that could, then
  // the least far.
  const auto guilt = [](const RankPosition& position) {
    return std::tuple(position.state == RunState::kRuns, position.step, -position.standing);
  };
  const RankPosition* behind = nullptr;
  for (const RankPosition& position : positions) {
    if (waits(position)) continue;
    if (behind == nullptr || guilt(position) < guilt(*behind)) behind = &position;
  }
  return behind;
}

std::string ToString(const RankPosition& position) {
  const char* state = position.state == RunState::kStopped ? "stopped by a signal or a debugger, "
                      : position.state == RunState::kStuck ? "stuck in the kernel, "
                                                           : "";
  return absl::StrCat(state, PlaceIn(position.phase), " step ", position.step, " for ",
                      absl::ToInt64Seconds(position.standing), " s");
}

}  // namespace octet::failure
