// Virtual time, chance and the trace of one simulated history.
#ifndef OCTET_TESTS_SCHEDULER_FAULTS_LOOP_H_
#define OCTET_TESTS_SCHEDULER_FAULTS_LOOP_H_

#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/random.h"

namespace octet::scheduler::faults {

/// Runs what is due, one event after another, in one thread. Everything that
/// happens is a function of the seed.
class Loop {
 public:
  /// trace: print every line of the history as it happens.
  Loop(uint64_t seed, bool trace) : random_(Mix64(seed)), trace_(trace) {}
  Loop(const Loop&) = delete;

  /// Since the history began.
  absl::Duration now() const { return now_; }
  void After(absl::Duration delay, std::function<void()> event) {
    events_.push({now_ + delay, next_++, std::move(event)});
  }
  /// Runs the next event. False: a check has failed, or nothing is left.
  bool Step();
  int64_t steps() const { return steps_; }
  /// Of all that has happened: two runs of a seed have the same.
  uint64_t fingerprint() const { return fingerprint_; }

  bool Chance(double probability) { return random_.Uniform() < probability; }
  /// From 0 to n - 1; n > 0.
  int Below(int n) { return static_cast<int>(random_.Below(n)); }
  absl::Duration Between(absl::Duration least, absl::Duration most) {
    return least + random_.Uniform() * (most - least);
  }

  /// Values as absl::StrCat takes them.
  template <typename... Values>
  void Trace(const Values&... values) {
    if (trace_) Print(absl::StrCat(values...));
  }
  bool tracing() const { return trace_; }

  /// A check has failed; the first one ends the history.
  void Fail(std::string what);
  /// Empty: every check has passed so far.
  const std::string& failure() const { return failure_; }

 private:
  struct Event {
    absl::Duration time;
    int64_t number;  // in order of their making, where times are equal
    std::function<void()> run;

    bool operator<(const Event& other) const {
      return time != other.time ? time > other.time : number > other.number;
    }
  };
  void Print(const std::string& line) const;

  Random random_;
  const bool trace_;
  absl::Duration now_ = absl::ZeroDuration();
  std::priority_queue<Event> events_;
  int64_t next_ = 0, steps_ = 0;
  uint64_t fingerprint_ = 0;
  std::string failure_;
};

/// How bad the world is; each history has a mixture of its own.
struct Weather {
  bool calm = false;  // nothing of the following happens any more

  double delay = 0;  // of a message: late by up to longest_delay
  absl::Duration longest_delay;
  double doubled = 0;  // a message comes twice
  double lost = 0;     // a call or its answer is lost
  double write_fails = 0, write_stalls = 0, killed_at_write = 0;
  double rank_fails = 0;  // of an attempt

  bool Has(Loop& loop, double probability) const { return !calm && loop.Chance(probability); }
};

}  // namespace octet::scheduler::faults

#endif  // OCTET_TESTS_SCHEDULER_FAULTS_LOOP_H_
