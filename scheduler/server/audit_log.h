// Who did what.
#ifndef OCTET_SCHEDULER_SERVER_AUDIT_LOG_H_
#define OCTET_SCHEDULER_SERVER_AUDIT_LOG_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "octet/v1/identity.pb.h"

namespace octet::scheduler {

/// A file of one AuditEntry a line, as JSON, so that other tools can follow it:
/// <dir>/audit.jsonl, and older ones as audit.1.jsonl (the newest of them) to
/// audit.8.jsonl. Written before the call is answered; the kernel brings it to
/// the disk within its own time. Thread-safe.
class AuditLog {
 public:
  static constexpr int64_t kMostBytes = 64 << 20;  // of a file
  static constexpr int kMostOld = 8;

  /// Errors name the file.
  static absl::StatusOr<std::unique_ptr<AuditLog>> Open(const std::string& dir,
                                                        int64_t most_bytes = kMostBytes);
  ~AuditLog();

  /// An entry that cannot be written goes into the scheduler's own log.
  void Append(const v1::AuditEntry& entry);

  /// Newest first, at most `limit` of those that match. Reads as much of the
  /// files as it takes.
  absl::StatusOr<std::vector<v1::AuditEntry>> List(
      const std::function<bool(const v1::AuditEntry&)>& matches, size_t limit) const;

 private:
  AuditLog(std::string dir, int64_t most_bytes) : dir_(std::move(dir)), most_bytes_(most_bytes) {}
  std::string Path(int age) const;
  absl::Status Reopen() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Rotate() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Write(const std::string& line) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string dir_;
  const int64_t most_bytes_;
  mutable absl::Mutex mutex_;
  int fd_ ABSL_GUARDED_BY(mutex_) = -1;
  int64_t size_ ABSL_GUARDED_BY(mutex_) = 0;
};

/// The filter of ListAuditRequest. INVALID_ARGUMENT names the term.
absl::StatusOr<std::function<bool(const v1::AuditEntry&)>> ParseAuditFilter(
    const std::string& text);

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_AUDIT_LOG_H_
