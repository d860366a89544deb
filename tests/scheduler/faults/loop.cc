#include "tests/scheduler/faults/loop.h"

#include <cstdio>
#include <utility>

namespace octet::scheduler::faults {

bool Loop::Step() {
  if (!failure_.empty() || events_.empty()) return false;
  // A priority_queue gives only a const reference to what is taken off next.
  Event event = std::move(const_cast<Event&>(events_.top()));
  events_.pop();
  now_ = event.time;
  ++steps_;
  fingerprint_ = Mix64(fingerprint_ ^ static_cast<uint64_t>(absl::ToInt64Nanoseconds(now_)) ^
                       static_cast<uint64_t>(event.number) << 40);
  event.run();
  return failure_.empty();
}

void Loop::Fail(std::string what) {
  Trace("FAILED: ", what);
  if (failure_.empty()) failure_ = std::move(what);
}

void Loop::Print(const std::string& line) const {
  std::printf("%12.6f  %s\n", absl::ToDoubleSeconds(now_), line.c_str());
}

}  // namespace octet::scheduler::faults
