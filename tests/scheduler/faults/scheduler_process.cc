#include "tests/scheduler/faults/scheduler_process.h"

#include <algorithm>
#include <utility>

namespace octet::scheduler::faults {
namespace {

constexpr absl::Duration kHeartbeat = absl::Seconds(2);

}  // namespace

void SchedulerProcess::Start() {
  ++life_;
  sends_left_ = -1;
  frozen_until_ = loop_.now();
  arrived_.clear();
  auto committer = std::make_unique<DiskCommitter>(loop_, weather_, disk_, [this] {
    Kill(loop_.Between(absl::Milliseconds(100), absl::Seconds(8)));
  });
  committer_ = committer.get();
  auto opened = Controller::Open({.heartbeat_timeout = absl::Seconds(10),
                                  .heartbeat_interval = kHeartbeat,
                                  .core = core_,
                                  .ticks = false},
                                 disk_, metrics_, clock_, std::move(committer));
  if (!opened.ok()) {
    loop_.Trace("scheduler does not start: ", std::string(opened.status().message()));
    if (!disk_.unreadable) loop_.Fail(absl::StrCat("cannot start: ", opened.status().ToString()));
    loop_.After(absl::Seconds(1), [this] { Start(); });
    return;
  }
  loop_.Trace("scheduler starts, life ", life_);
  controller_ = *std::move(opened);
  alive_ = true;
  hooks_.on_start(*controller_);
  loop_.After(kHeartbeat / 2, [this, life = life_] { Tick(life); });
}

void SchedulerProcess::Kill(absl::Duration away) {
  if (!alive_) return;
  loop_.Trace("scheduler is killed");
  alive_ = false;
  hooks_.on_death();
  // It may be its own code that runs now: it goes when that is over.
  loop_.After(absl::ZeroDuration(), [this] { controller_.reset(); });
  loop_.After(away, [this] { Start(); });
}

void SchedulerProcess::Freeze(absl::Duration how_long) {
  loop_.Trace("scheduler is frozen for ", absl::FormatDuration(how_long));
  frozen_until_ = std::max(frozen_until_, loop_.now() + how_long);
  loop_.After(frozen_until_ - loop_.now(), [this, life = life_] { Thaw(life); });
}

void SchedulerProcess::Take(std::function<void()> arrival) {
  if (!alive_) return;
  if (!frozen() && arrived_.empty()) return arrival();
  arrived_.push_back(std::move(arrival));
}

void SchedulerProcess::Thaw(int life) {
  while (alive_ && life == life_ && !frozen() && !arrived_.empty()) {
    const auto arrival = std::move(arrived_.front());
    arrived_.pop_front();
    arrival();
  }
}

void SchedulerProcess::SetWallClock(absl::Duration by) {
  loop_.Trace("the wall clock is set by ", absl::FormatDuration(by));
  clock_.Jump(by);
}

bool SchedulerProcess::MaySend(int life) {
  if (!alive_ || life != life_) return false;
  if (sends_left_ == 0) {
    loop_.Trace("scheduler is killed between two effects");
    Kill(loop_.Between(absl::Milliseconds(100), absl::Seconds(8)));
    return false;
  }
  if (sends_left_ > 0) --sends_left_;
  return true;
}

void SchedulerProcess::Tick(int life) {
  if (!alive_ || life != life_) return;
  if (frozen()) {
    loop_.After(frozen_until_ - loop_.now(), [this, life] { Tick(life); });
    return;
  }
  hooks_.before_tick(*controller_);
  controller_->Tick();
  loop_.After(kHeartbeat / 2, [this, life] { Tick(life); });
}

}  // namespace octet::scheduler::faults
