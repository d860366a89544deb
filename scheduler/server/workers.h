// Threads for what may block.
#ifndef OCTET_SCHEDULER_SERVER_WORKERS_H_
#define OCTET_SCHEDULER_SERVER_WORKERS_H_

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace octet::scheduler {

/// Runs what it is given, first come first served, on a few threads of its own.
/// gRPC has as few for all callback calls, agents' streams among them: whoever
/// waits on one of those holds up heartbeats. Thread-safe.
class Workers {
 public:
  explicit Workers(int count);
  /// Runs what is queued, then returns.
  ~Workers();

  /// Who calls bounds how much is queued.
  void Run(std::function<void()> work);

 private:
  void Loop();

  absl::Mutex mutex_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_WORKERS_H_
