#include "scheduler/store/group_committer.h"

#include <utility>

#include "common/clock.h"

namespace octet::scheduler {

GroupCommitter::GroupCommitter(Store& store, Observer observer)
    : store_(store), observer_(std::move(observer)), thread_([this] { Run(); }) {}

GroupCommitter::~GroupCommitter() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void GroupCommitter::Submit(Batch batch, Done done) {
  absl::MutexLock lock(&mutex_);
  queue_.push_back({std::move(batch), std::move(done)});
}

void GroupCommitter::Resume() {
  absl::MutexLock lock(&mutex_);
  const auto idle = [this]()
                        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return queue_.empty() && !busy_; };
  mutex_.Await(absl::Condition(&idle));
  failed_ = absl::OkStatus();
}

absl::Status GroupCommitter::CommitAll(std::vector<Entry>& group) {
  std::vector<Batch> batches;
  batches.reserve(group.size());
  for (Entry& entry : group) batches.push_back(std::move(entry.batch));
  const absl::Duration start = Clock::Real().Steady();
  const absl::Status status = store_.Commit(batches);
  if (observer_) observer_(batches.size(), Clock::Real().Steady() - start, status);
  return status;
}

void GroupCommitter::Run() {
  const auto work = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !queue_.empty() || stopping_;
  };
  for (;;) {
    std::vector<Entry> group;
    absl::Status status;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(&work));
      if (queue_.empty()) return;
      group.swap(queue_);
      busy_ = true;
      status = failed_;
    }
    if (status.ok()) status = CommitAll(group);
    if (!status.ok()) {
      absl::MutexLock lock(&mutex_);
      failed_ = status;
    }
    for (Entry& entry : group) entry.done(status);
    absl::MutexLock lock(&mutex_);
    busy_ = false;
  }
}

}  // namespace octet::scheduler
