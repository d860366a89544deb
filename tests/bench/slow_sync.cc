// Preloaded into a scheduler: a disk that takes OCTET_SYNC_MS to sync.
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>

namespace {

void Wait() {
  static const char* ms = std::getenv("OCTET_SYNC_MS");
  if (ms != nullptr) usleep(1000 * static_cast<useconds_t>(std::atoi(ms)));
}

}  // namespace

extern "C" {

int fsync(int fd) {
  Wait();
  return static_cast<int>(syscall(SYS_fsync, fd));
}

int fdatasync(int fd) {
  Wait();
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}

}  // extern "C"
