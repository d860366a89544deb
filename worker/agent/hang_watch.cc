#include "worker/agent/hang_watch.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/files.h"

namespace octet::agent {
namespace {

using failure::Phase;
using failure::RunState;

constexpr absl::Duration kMostBetweenLooks = absl::Seconds(1);
constexpr int kStepsPerHang = 10;
constexpr size_t kKeptSteps = 15;
// Less than TrainerOptions::collective_timeout: who waits longer than that for
// a rank fails, and takes the evidence along.
constexpr absl::Duration kMost = absl::Minutes(4);
// A first step may compile kernels.
constexpr absl::Duration kFirstStep = absl::Minutes(2);

absl::Duration Median(std::deque<absl::Duration> steps) {
  std::nth_element(steps.begin(), steps.begin() + steps.size() / 2, steps.end());
  return steps[steps.size() / 2];
}

}  // namespace

absl::Duration HangWatch::interval() const { return std::min(kMostBetweenLooks, hang_after_ / 8); }

void HangWatch::Follow(Track& track, const RankSight& sight, absl::Duration elapsed) const {
  track.standing += elapsed;
  track.stepping += elapsed;
  if (sight.place == track.place) return;
  const int64_t steps = sight.place && track.place ? sight.place->step - track.place->step : 0;
  if (steps > 0) {
    track.steps.push_back(track.stepping / steps);
    if (track.steps.size() > kKeptSteps) track.steps.pop_front();
  }
  if (steps != 0) track.stepping = absl::ZeroDuration();
  track.standing = absl::ZeroDuration();
  track.place = sight.place;
}

absl::Duration HangWatch::Limit(const Track& track, RunState state) const {
  if (state == RunState::kStopped) return hang_after_;
  const Phase phase = track.place ? track.place->phase : Phase::kStart;
  if (phase == Phase::kStart) return absl::InfiniteDuration();
  if (phase == Phase::kSave) return std::max(hang_after_, kMost);
  if (track.steps.empty()) return std::max(hang_after_, kFirstStep);
  return std::max(hang_after_, std::min(kMost, kStepsPerHang * Median(track.steps)));
}

std::optional<failure::RankPosition> HangWatch::Look(absl::Duration elapsed,
                                                     const std::vector<RankSight>& sights) {
  elapsed = std::min(elapsed, 2 * interval());
  std::vector<failure::RankPosition> standing;
  for (const RankSight& sight : sights) {
    Track& track = tracks_[sight.rank];
    Follow(track, sight, elapsed);
    if (track.standing < Limit(track, sight.state)) continue;
    const failure::Place place = track.place.value_or(failure::Place{});
    standing.push_back({.rank = sight.rank,
                        .step = place.step,
                        .phase = place.phase,
                        .state = sight.state,
                        .standing = track.standing});
  }
  const failure::RankPosition* behind = failure::FindBehind(standing);
  return behind == nullptr ? std::nullopt : std::make_optional(*behind);
}

RunState RunStateOf(pid_t pid) {
  const std::string stat = ReadFile(absl::StrCat("/proc/", pid, "/stat")).value_or("");
  // "pid (name) S ...", and the name may hold anything.
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= stat.size()) return RunState::kRuns;
  switch (stat[name_end + 2]) {
    case 'T':
    case 't':
      return RunState::kStopped;
    case 'D':
      return RunState::kStuck;
    default:
      return RunState::kRuns;
  }
}

}  // namespace octet::agent
