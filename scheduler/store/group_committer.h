// Group commit: batches of many threads become one transaction.
#ifndef OCTET_SCHEDULER_STORE_GROUP_COMMITTER_H_
#define OCTET_SCHEDULER_STORE_GROUP_COMMITTER_H_

#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "scheduler/store/committer.h"
#include "scheduler/store/store.h"

namespace octet::scheduler {

/// Owns a thread that commits whatever was submitted while the last transaction
/// was on its way to the disk; each `done` runs on it. Thread-safe.
class GroupCommitter final : public Committer {
 public:
  /// Told of each transaction: how many batches it was, how long the store took,
  /// and what became of it. In the committer's thread.
  using Observer = std::function<void(size_t batches, absl::Duration took, const absl::Status&)>;

  /// store: outlives this object.
  explicit GroupCommitter(Store& store, Observer observer = nullptr);
  /// Commits what is queued, then returns.
  ~GroupCommitter() override;
  GroupCommitter(const GroupCommitter&) = delete;
  GroupCommitter& operator=(const GroupCommitter&) = delete;

  void Submit(Batch batch, Done done) override;
  void Resume() override;

 private:
  struct Entry {
    Batch batch;
    Done done;
  };
  void Run();
  absl::Status CommitAll(std::vector<Entry>& group);

  Store& store_;
  const Observer observer_;
  absl::Mutex mutex_;
  std::vector<Entry> queue_ ABSL_GUARDED_BY(mutex_);
  absl::Status failed_ ABSL_GUARDED_BY(mutex_);
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // Last: starts when the rest is there.
};

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_STORE_GROUP_COMMITTER_H_
