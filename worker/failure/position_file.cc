#include "worker/failure/position_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace octet::failure {
namespace {

// Both sides are of one build, on one machine.
struct Record {
  int64_t step;
  uint64_t moves;
  uint64_t phase;
};

}  // namespace

absl::StatusOr<std::unique_ptr<PositionFile>> PositionFile::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  return std::unique_ptr<PositionFile>(new PositionFile(fd));
}

PositionFile::~PositionFile() { close(fd_); }

void PositionFile::Enter(int64_t step, Phase phase) {
  const Record record{step, ++moves_, static_cast<uint64_t>(phase)};
  [[maybe_unused]] const ssize_t written = pwrite(fd_, &record, sizeof record, 0);
}

std::optional<Place> ReadPlace(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  Record record;
  const ssize_t size = read(fd, &record, sizeof record);
  close(fd);
  if (size != sizeof record || record.phase > static_cast<uint64_t>(Phase::kSave))
    return std::nullopt;
  return Place{record.step, static_cast<Phase>(record.phase), record.moves};
}

}  // namespace octet::failure
