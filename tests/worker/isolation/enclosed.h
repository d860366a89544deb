// Runs shell scripts as an enclosed job's process.
#ifndef OCTET_TESTS_WORKER_ISOLATION_ENCLOSED_H_
#define OCTET_TESTS_WORKER_ISOLATION_ENCLOSED_H_

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "common/files.h"
#include "gtest/gtest.h"
#include "worker/isolation/enclosure.h"

namespace octet::isolation {

struct ScriptEnd {
  int exit_code = -1;  // 128 + a signal's number, as shells have it.
  std::string out;     // And what it said on stderr.
};

/// In `dir`, with its environment and rights; output goes through `log`, a file
/// of the test's own.
inline ScriptEnd RunEnclosed(const Enclosure& enclosure, const std::string& dir,
                             const std::string& log, const std::string& script) {
  std::vector<std::string> entries;
  for (const auto& [name, value] : enclosure.EnvironmentFor({}).value_or(Environment{}))
    entries.push_back(name + "=" + value);
  std::vector<char*> env;
  for (std::string& entry : entries) env.push_back(entry.data());
  env.push_back(nullptr);
  const char* argv[] = {"sh", "-c", script.c_str(), nullptr};
  const Confinement confinement = enclosure.confinement();
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    if (!ConfineParent(confinement)) _exit(101);
    if (!ConfineSelf(confinement)) _exit(102);
    if (chdir(dir.c_str()) != 0) _exit(103);
    execve("/bin/sh", const_cast<char**>(argv), env.data());
    _exit(104);
  }
  close(out);
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  return {WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), *ReadFile(log)};
}

}  // namespace octet::isolation

#endif  // OCTET_TESTS_WORKER_ISOLATION_ENCLOSED_H_
