#include "worker/agent/outbox.h"

#include <algorithm>
#include <utility>

#include "worker/agent/attempt_ref.h"

namespace octet::agent {

void Outbox::Add(v1::AttemptReport report) {
  absl::MutexLock lock(&mutex_);
  report.set_sequence(++last_sequence_);
  entries_.push_back({std::move(report)});
}

void Outbox::AddDroppable(v1::AttemptReport report) {
  absl::MutexLock lock(&mutex_);
  const AttemptKey key = KeyOf(report.ref());
  entries_.erase(std::remove_if(entries_.begin(), entries_.end(),
                                [&](const Entry& entry) {
                                  return entry.report.sequence() == 0 &&
                                         KeyOf(entry.report.ref()) == key;
                                }),
                 entries_.end());
  report.set_sequence(0);
  entries_.push_back({std::move(report)});
}

void Outbox::Acknowledge(int64_t sequence) {
  absl::MutexLock lock(&mutex_);
  entries_.erase(std::remove_if(entries_.begin(), entries_.end(),
                                [&](const Entry& entry) {
                                  return entry.report.sequence() != 0 &&
                                         entry.report.sequence() <= sequence;
                                }),
                 entries_.end());
}

void Outbox::Rewind() {
  absl::MutexLock lock(&mutex_);
  for (Entry& entry : entries_) entry.sent = false;
}

std::optional<v1::AttemptReport> Outbox::Next(absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(absl::Condition(this, &Outbox::Ready), timeout);
  if (std::exchange(woken_, false)) return std::nullopt;
  auto entry = std::find_if(entries_.begin(), entries_.end(),
                            [](const Entry& entry) { return !entry.sent; });
  if (entry == entries_.end()) return std::nullopt;
  v1::AttemptReport report = entry->report;
  entry->sent = true;
  if (report.sequence() == 0) entries_.erase(entry);
  return report;
}

void Outbox::Wake() {
  absl::MutexLock lock(&mutex_);
  woken_ = true;
}

std::vector<v1::AttemptRef> Outbox::UnacknowledgedEnds() const {
  absl::MutexLock lock(&mutex_);
  std::vector<v1::AttemptRef> refs;
  for (const Entry& entry : entries_) {
    if (entry.report.has_ended()) refs.push_back(entry.report.ref());
  }
  return refs;
}

bool Outbox::WaitUntilEmpty(absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(this, &Outbox::Empty), timeout);
}

bool Outbox::HasUnsent() const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [](const Entry& entry) { return !entry.sent; });
}

}  // namespace octet::agent
