// How a rank tells its agent where it is, without waiting for it.
#ifndef OCTET_WORKER_FAILURE_POSITION_FILE_H_
#define OCTET_WORKER_FAILURE_POSITION_FILE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "worker/failure/position.h"

namespace octet::failure {

/// What stands in the file. Two that are equal mean that the rank did nothing
/// in between that it tells of.
struct Place {
  int64_t step = 0;
  Phase phase = Phase::kStart;
  uint64_t moves = 0;
  bool operator==(const Place&) const = default;
};

/// The rank's side. Thread-safe.
class PositionFile {
 public:
  /// Makes the file, or takes over the one that is there.
  static absl::StatusOr<std::unique_ptr<PositionFile>> Open(const std::string& path);
  ~PositionFile();
  PositionFile(const PositionFile&) = delete;
  PositionFile& operator=(const PositionFile&) = delete;

  /// Costs a write of a few bytes to the page cache. A write that fails is
  /// forgotten: a rank does not fail for want of a watcher.
  void Enter(int64_t step, Phase phase);

 private:
  explicit PositionFile(int fd) : fd_(fd) {}
  const int fd_;
  std::atomic<uint64_t> moves_ = 0;
};

/// The agent's side. Nothing: the rank has not said where it is yet.
std::optional<Place> ReadPlace(const std::string& path);

}  // namespace octet::failure

#endif  // OCTET_WORKER_FAILURE_POSITION_FILE_H_
