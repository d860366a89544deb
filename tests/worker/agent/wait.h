// Waiting for conditions that no notification announces.
#ifndef OCTET_TESTS_WORKER_AGENT_WAIT_H_
#define OCTET_TESTS_WORKER_AGENT_WAIT_H_

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/files.h"

namespace octet::agent {

/// Looks every few milliseconds until `condition` holds. False: it did not in
/// a minute, which no passing test takes.
inline bool WaitUntil(const std::function<bool()>& condition) {
  const absl::Time deadline = absl::Now() + absl::Minutes(1);
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(5));
  }
  return true;
}

inline bool Exists(const std::string& path) { return std::filesystem::exists(path); }

/// The number in a file that a script writes; 0: not there yet.
inline pid_t ReadPid(const std::string& path) {
  pid_t pid = 0;
  const auto text = ReadFile(path);
  // Complete once its line is.
  if (!text.ok() || text->empty() || text->back() != '\n') return 0;
  return absl::SimpleAtoi(*text, &pid) ? pid : 0;
}

/// Of a process's first thread, as proc(5) has it: 'S' sleeps, 'T' is halted,
/// 'Z' has ended and nobody has reaped it. 0: there is no such process.
inline char StateOf(pid_t pid) {
  auto stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  if (!stat.ok()) return 0;
  const size_t name_end = stat->rfind(')');
  return name_end == std::string::npos ? 0 : (*stat)[name_end + 2];
}

/// No such process, or only what is left of one that nobody has reaped.
inline bool IsGone(pid_t pid) {
  const char state = StateOf(pid);
  return state == 0 || state == 'Z';
}

}  // namespace octet::agent

#endif  // OCTET_TESTS_WORKER_AGENT_WAIT_H_
