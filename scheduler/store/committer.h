// How changes become durable.
#ifndef OCTET_SCHEDULER_STORE_COMMITTER_H_
#define OCTET_SCHEDULER_STORE_COMMITTER_H_

#include <functional>

#include "absl/status/status.h"
#include "scheduler/store/store.h"

namespace octet::scheduler {

/// Takes batches that build on one another: the state that a batch was made
/// from holds the changes of all before it. So when one cannot be stored, it
/// and every batch submitted after it fails with the same error, until
/// Resume(). The owner loads its state from the store again before it calls
/// that.
class Committer {
 public:
  using Done = std::function<void(absl::Status)>;

  virtual ~Committer() = default;

  /// Commits in order of submission; `done` is called in that order, never from
  /// within Submit, and must not block on another commit.
  virtual void Submit(Batch batch, Done done) = 0;

  /// After an error has been handed to every `done` of the batches submitted so
  /// far: takes batches again. Call it with the lock held under which batches
  /// are made, so that none made from the old state comes after it. Waits until
  /// what is queued has failed; never from within a `done`.
  virtual void Resume() = 0;
};

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_STORE_COMMITTER_H_
