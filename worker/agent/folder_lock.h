// Whose folder this is.
#ifndef OCTET_WORKER_AGENT_FOLDER_LOCK_H_
#define OCTET_WORKER_AGENT_FOLDER_LOCK_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace octet::agent {

/// An agent's hold on its folder, for the life of this object.
class FolderLock {
 public:
  /// Makes `dir` (mode 0700) if need be. ALREADY_EXISTS: another agent runs on
  /// it.
  static absl::StatusOr<std::unique_ptr<FolderLock>> Take(const std::string& dir);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  const int fd_;
};

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_FOLDER_LOCK_H_
