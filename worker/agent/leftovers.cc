#include "worker/agent/leftovers.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>
extern "C" {
#include <sys/pidfd.h>  // glibc 2.36 forgot C++ here.
}

#include <memory>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/files.h"
#include "common/log.h"

namespace octet::agent {
namespace {

constexpr int kDeathWaitMs = 5000;

bool IsMarked(pid_t pid, const std::set<std::string>& marks) {
  // Other users' processes cannot be read, and are not ours.
  const auto environment = ReadFile(absl::StrCat("/proc/", pid, "/environ"));
  if (!environment.ok()) return false;
  std::set<std::string> found;
  for (absl::string_view entry : absl::StrSplit(*environment, '\0')) {
    if (marks.count(std::string(entry)) != 0) found.emplace(entry);
  }
  return found.size() == marks.size();
}

// Whether `pid` was one to kill.
bool KillIfMarked(pid_t pid, const std::set<std::string>& marks) {
  // Opened first: it stays with the process that is looked at, whatever the
  // number comes to mean.
  const int pidfd = pidfd_open(pid, 0);
  if (pidfd < 0) return false;
  const bool marked = IsMarked(pid, marks);
  if (marked) {
    spdlog::warn("killing process {}, which an agent left behind", pid);
    pidfd_send_signal(pidfd, SIGKILL, nullptr, 0);
    pollfd gone{.fd = pidfd, .events = POLLIN, .revents = 0};
    if (poll(&gone, 1, kDeathWaitMs) == 0)
      spdlog::warn("process {} does not end after SIGKILL", pid);
  }
  close(pidfd);
  return marked;
}

bool KillRound(const std::set<std::string>& marks) {
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  bool killed = false;
  while (const dirent* entry = proc == nullptr ? nullptr : readdir(proc.get())) {
    pid_t pid = 0;
    if (absl::SimpleAtoi(entry->d_name, &pid) && pid > 1 && pid != getpid())
      killed |= KillIfMarked(pid, marks);
  }
  return killed;
}

}  // namespace

void KillMarked(const std::map<std::string, std::string>& marks) {
  std::set<std::string> entries;
  for (const auto& [name, value] : marks) entries.insert(absl::StrCat(name, "=", value));
  // Again while there were any: they may have forked meanwhile.
  constexpr int kRounds = 100;
  for (int round = 0; round < kRounds && KillRound(entries); ++round) {
  }
}

}  // namespace octet::agent
