// The scheduler as a process: it is started, frozen, killed and started again.
#ifndef OCTET_TESTS_SCHEDULER_FAULTS_SCHEDULER_PROCESS_H_
#define OCTET_TESTS_SCHEDULER_FAULTS_SCHEDULER_PROCESS_H_

#include <deque>
#include <functional>
#include <memory>

#include "common/clock.h"
#include "scheduler/server/controller.h"
#include "scheduler/server/metrics.h"
#include "tests/scheduler/faults/disk.h"
#include "tests/scheduler/faults/loop.h"

namespace octet::scheduler::faults {

/// Virtual time, with a wall clock that is set forward and back.
class LoopClock final : public Clock {
 public:
  explicit LoopClock(const Loop& loop) : loop_(loop) {}
  absl::Time Now() const override { return absl::FromUnixSeconds(1'800'000'000) + wall(); }
  absl::Duration Steady() const override { return loop_.now(); }
  void Jump(absl::Duration by) { jumped_ += by; }

 private:
  absl::Duration wall() const { return loop_.now() + jumped_; }

  const Loop& loop_;
  absl::Duration jumped_ = absl::ZeroDuration();
};

class SchedulerProcess {
 public:
  /// Told of the life of the process.
  struct Hooks {
    std::function<void()> on_death;
    std::function<void(const Controller&)> on_start, before_tick;
  };
  SchedulerProcess(Loop& loop, const Weather& weather, Disk& disk, const CoreOptions& core,
                   Hooks hooks)
      : loop_(loop),
        weather_(weather),
        disk_(disk),
        core_(core),
        hooks_(std::move(hooks)),
        clock_(loop) {}

  void Start();
  /// Nothing of it runs any more; it comes back after `away`.
  void Kill(absl::Duration away);
  /// As Kill, once it has sent so many more messages to agents; < 0: not at all.
  void KillAfterSends(int sends) { sends_left_ = sends; }
  /// It does nothing for so long, and its clocks go on.
  void Freeze(absl::Duration how_long);
  void SetWallClock(absl::Duration by);
  const Clock& clock() const { return clock_; }

  bool alive() const { return alive_; }
  /// Counts the starts.
  int life() const { return life_; }
  /// Runs what has reached the process, in order: now, or when it is no longer
  /// frozen. Lost when it dies before.
  void Take(std::function<void()> arrival);
  /// While it is alive.
  Controller& controller() { return *controller_; }
  /// Nothing is on its way to the disk.
  bool idle() const { return alive_ && committer_->idle(); }
  /// Whether what this life sends now leaves the process. Counts it.
  bool MaySend(int life);

 private:
  bool frozen() const { return frozen_until_ > loop_.now(); }
  void Thaw(int life);
  void Tick(int life);

  Loop& loop_;
  const Weather& weather_;
  Disk& disk_;
  const CoreOptions core_;
  const Hooks hooks_;
  LoopClock clock_;
  Metrics metrics_;
  std::unique_ptr<Controller> controller_;
  DiskCommitter* committer_ = nullptr;  // the controller's
  bool alive_ = false;
  int life_ = 0;
  int sends_left_ = -1;  // until it is killed; < 0: it is not
  absl::Duration frozen_until_ = absl::ZeroDuration();
  std::deque<std::function<void()>> arrived_;  // while it is frozen
};

}  // namespace octet::scheduler::faults

#endif  // OCTET_TESTS_SCHEDULER_FAULTS_SCHEDULER_PROCESS_H_
