#include "tests/scheduler/faults/disk.h"

namespace octet::scheduler::faults {

absl::Status Disk::Commit(const std::vector<Batch>& batches) {
  for (const Batch& batch : batches) {
    for (const Record& record : batch.puts) tables_[record.table][record.key] = record.value;
    events_ += static_cast<int64_t>(batch.events.size());
    on_durable(batch);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> Disk::LoadTable(
    const std::string& table) const {
  if (unreadable) return absl::UnavailableError("the disk cannot be read");
  const auto found = tables_.find(table);
  if (found == tables_.end()) return std::vector<std::pair<std::string, std::string>>{};
  return std::vector<std::pair<std::string, std::string>>(found->second.begin(),
                                                          found->second.end());
}

absl::StatusOr<std::vector<StoredEvent>> Disk::Events(const std::string&, int64_t, int) const {
  return absl::UnimplementedError("nobody reads the history here");
}

const std::string* Disk::Find(const std::string& table, const std::string& key) const {
  const auto records = tables_.find(table);
  if (records == tables_.end()) return nullptr;
  const auto found = records->second.find(key);
  return found == records->second.end() ? nullptr : &found->second;
}

DiskCommitter::~DiskCommitter() {
  *alive_ = false;
  // Written, and perhaps synced, when the process died.
  if (!writing_.empty() && failed_.ok() && loop_.Chance(0.5)) {
    loop_.Trace("disk: the write that was under way is there");
    Store();
  }
}

void DiskCommitter::Submit(Batch batch, Done done) {
  if (dead_) return;
  queue_.push_back({std::move(batch), std::move(done)});
  if (!busy_) Write();
}

absl::Duration DiskCommitter::Latency() {
  if (weather_.Has(loop_, weather_.write_stalls))
    return loop_.Between(absl::Milliseconds(100), absl::Seconds(15));
  return loop_.Between(absl::Microseconds(50), absl::Milliseconds(3));
}

void DiskCommitter::Write() {
  busy_ = true;
  // Starts when the event that submitted it is over, so that one write takes
  // all of its batches, as a thread of its own would by chance.
  loop_.After(absl::ZeroDuration(), [this, alive = alive_] {
    if (!*alive || dead_) return;
    writing_ = std::exchange(queue_, {});
    loop_.After(Latency(), [this, alive] {
      if (*alive && !dead_) Written();
    });
  });
}

bool DiskCommitter::Store() {
  std::vector<Batch> batches;
  for (const Entry& entry : writing_) batches.push_back(entry.batch);
  return disk_.Commit(batches).ok();
}

void DiskCommitter::Written() {
  if (failed_.ok() && weather_.Has(loop_, weather_.killed_at_write)) {
    const bool synced = loop_.Chance(0.5);
    loop_.Trace("disk: the scheduler is killed ", synced ? "after" : "before", " the sync of ",
                writing_.size(), " batches");
    dead_ = true;
    if (synced) Store();
    writing_.clear();
    return kill_();
  }
  if (failed_.ok() && weather_.Has(loop_, weather_.write_fails)) {
    loop_.Trace("disk: a write fails");
    failed_ = absl::UnavailableError("the disk is full of errors");
  }
  if (failed_.ok()) Store();
  const std::vector<Entry> entries = std::exchange(writing_, {});
  const absl::Status status = failed_;
  for (const Entry& entry : entries) entry.done(status);
  busy_ = false;
  if (!queue_.empty()) Write();
}

void DiskCommitter::Resume() {
  const std::vector<Entry> writing = std::exchange(writing_, {});
  const std::vector<Entry> queued = std::exchange(queue_, {});
  for (const auto* entries : {&writing, &queued})
    for (const Entry& entry : *entries) entry.done(failed_);
  failed_ = absl::OkStatus();
}

}  // namespace octet::scheduler::faults
