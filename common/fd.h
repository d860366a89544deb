// A file descriptor with one owner.
#ifndef OCTET_COMMON_FD_H_
#define OCTET_COMMON_FD_H_

#include <unistd.h>

#include <utility>

namespace octet {

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }

  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

}  // namespace octet

#endif  // OCTET_COMMON_FD_H_
