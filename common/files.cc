#include "common/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/status.h"

namespace octet {
namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

absl::Status WriteAndSync(const std::string& path, std::string_view bytes, unsigned mode) {
  FileDescriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (file.get() < 0) return ErrnoStatus("cannot create", path);
  while (!bytes.empty()) {
    const ssize_t n = write(file.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus("cannot write", path);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  if (fsync(file.get()) != 0) return ErrnoStatus("cannot sync", path);
  return absl::OkStatus();
}

// A rename is durable only once its folder is.
absl::Status SyncFolder(const std::string& path) {
  FileDescriptor folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || fsync(folder.get()) != 0) return ErrnoStatus("cannot sync", path);
  return absl::OkStatus();
}

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case ENOENT:
      return absl::StatusCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return absl::StatusCode::kResourceExhausted;
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

}  // namespace

absl::Status ErrnoStatus(std::string_view what, std::string_view path) {
  const int error = errno;
  return absl::Status(CodeOf(error), absl::StrCat(absl::string_view(what.data(), what.size()), " ",
                                                  absl::string_view(path.data(), path.size()), ": ",
                                                  std::strerror(error)));
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return ErrnoStatus("cannot read", path);
  std::string bytes;
  struct stat info;
  if (fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode)) bytes.reserve(info.st_size);
  char piece[1 << 16];
  for (;;) {
    const ssize_t n = read(file.get(), piece, sizeof(piece));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus("cannot read", path);
    if (n == 0) return bytes;
    bytes.append(piece, static_cast<size_t>(n));
  }
}

absl::Status WriteFileAtomic(const std::string& path, std::string_view bytes, unsigned mode) {
  const std::string folder = std::filesystem::absolute(path).parent_path();
  RETURN_IF_ERROR(MakeFolders(folder));
  const std::string temporary = absl::StrCat(path, ".", getpid(), ".tmp");
  if (absl::Status written = WriteAndSync(temporary, bytes, mode); !written.ok()) {
    unlink(temporary.c_str());
    return written;
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    absl::Status status = ErrnoStatus("cannot replace", path);
    unlink(temporary.c_str());
    return status;
  }
  return SyncFolder(folder);
}

absl::Status MakeFolders(const std::string& path, unsigned mode) {
  struct stat info;
  if (path.empty() || (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)))
    return absl::OkStatus();
  RETURN_IF_ERROR(MakeFolders(std::filesystem::path(path).parent_path(), mode));
  if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return ErrnoStatus("cannot make", path);
  return absl::OkStatus();
}

}  // namespace octet
