#include "worker/agent/keeper_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

namespace octet::agent {
namespace {

// What a rank that could not become its program leaves for the keeper, whose
// memory it shares until then.
struct Launch {
  const RankPlan* rank;
  pid_t keeper;
  int error;
  KeeperNews::Step step;
};

[[noreturn]] void Fail(Launch& launch, KeeperNews::Step step) {
  launch.error = errno;
  launch.step = step;
  _exit(127);
}

void Redirect(Launch& launch, const char* path, int to, KeeperNews::Step step) {
  if (path == nullptr) return;
  const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0 || dup2(fd, to) < 0) Fail(launch, step);
}

int BecomeRank(void* argument) {
  Launch& launch = *static_cast<Launch*>(argument);
  const RankPlan& rank = *launch.rank;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The keeper may have died before the line above.
  if (getppid() != launch.keeper) _exit(127);
  setpgid(0, 0);
  const int in = rank.in >= 0 ? rank.in : open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (in < 0 || dup2(in, STDIN_FILENO) < 0) Fail(launch, KeeperNews::kIn);
  Redirect(launch, rank.out, STDOUT_FILENO, KeeperNews::kOut);
  Redirect(launch, rank.err, STDERR_FILENO, KeeperNews::kErr);
  close_range(STDERR_FILENO + 1, UINT_MAX, 0);
  if (rank.cwd != nullptr && chdir(rank.cwd) != 0) Fail(launch, KeeperNews::kChdir);
  // Handlers go before signals come; exec would keep ignored ones ignored.
  struct sigaction by_default = {};
  by_default.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &by_default, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execve(rank.program, rank.argv, rank.env);
  Fail(launch, KeeperNews::kExec);
}

// Does not return before the rank runs its program, or has failed to. Copies no
// page tables, unlike fork.
pid_t StartRank(const KeeperPlan& plan, Launch& launch) {
  char* const top = plan.stack + plan.stack_bytes;
  const pid_t pid = clone(BecomeRank, top, CLONE_VM | CLONE_VFORK | SIGCHLD, &launch);
  if (pid < 0) {
    launch.error = errno;
    launch.step = KeeperNews::kFork;
  }
  return pid;
}

void Tell(const KeeperPlan& plan, size_t count) {
  // The agent is gone if this fails, which the poll tells.
  send(plan.control, plan.news, count * sizeof(KeeperNews), MSG_NOSIGNAL);
}

void SignalRank(const RankPlan& rank, int signal) {
  if (rank.pid > 0) kill(-rank.pid, signal);
}

bool StartRanks(const KeeperPlan& plan) {
  for (size_t i = 0; i < plan.count; ++i) {
    RankPlan& rank = plan.ranks[i];
    Launch launch{.rank = &rank, .keeper = getpid(), .error = 0, .step = KeeperNews::kFork};
    const pid_t pid = StartRank(plan, launch);
    const int32_t index = static_cast<int32_t>(i);
    if (launch.error != 0) {
      plan.news[0] = {KeeperNews::kNotStarted, index, launch.error, launch.step};
      Tell(plan, 1);
      return false;
    }
    rank.pid = pid;
    plan.news[i] = {KeeperNews::kStarted, index, pid, {}};
  }
  Tell(plan, plan.count);
  return true;
}

// Lets every ended child go. Tells of the ranks among them; returns how many
// those were.
size_t Reap(const KeeperPlan& plan) {
  size_t ended = 0;
  for (;;) {
    siginfo_t info = {};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) break;
    RankPlan* const end = plan.ranks + plan.count;
    RankPlan* const rank = std::find_if(
        plan.ranks, end, [&](const RankPlan& other) { return other.pid == info.si_pid; });
    // What shares its group must not outlive it. Before it is reaped: after
    // that the number could come to mean another group.
    if (rank != end) kill(-rank->pid, SIGKILL);
    int status = 0;
    waitpid(info.si_pid, &status, 0);
    if (rank == end) continue;  // A descendant whose parent has died.
    rank->pid = -1;
    plan.news[ended++] = {KeeperNews::kEnded, static_cast<int32_t>(rank - plan.ranks), status, {}};
  }
  if (ended > 0) Tell(plan, ended);
  return ended;
}

// False: the agent is gone.
bool PassSignals(const KeeperPlan& plan) {
  for (;;) {
    int32_t signal = 0;
    const ssize_t n = recv(plan.control, &signal, sizeof(signal), MSG_DONTWAIT);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    if (n != sizeof(signal)) return false;
    for (size_t i = 0; i < plan.count; ++i) SignalRank(plan.ranks[i], signal);
  }
}

void Watch(const KeeperPlan& plan, int child_fd) {
  for (size_t running = plan.count; running > 0;) {
    pollfd fds[] = {{.fd = plan.control, .events = POLLIN, .revents = 0},
                    {.fd = child_fd, .events = POLLIN, .revents = 0}};
    poll(fds, 2, -1);
    if (fds[0].revents != 0 && !PassSignals(plan)) return;
    signalfd_siginfo drained;
    while (read(child_fd, &drained, sizeof(drained)) > 0) {
    }
    running -= Reap(plan);
  }
}

// 0: there is no such process.
pid_t ParentOf(int proc, const char* pid) {
  const int folder = openat(proc, pid, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return 0;
  const int fd = openat(folder, "stat", O_RDONLY | O_CLOEXEC);
  close(folder);
  if (fd < 0) return 0;
  char stat[512];
  const ssize_t n = read(fd, stat, sizeof(stat) - 1);
  close(fd);
  if (n <= 0) return 0;
  stat[n] = '\0';
  // "PID (NAME) STATE PARENT ...", where the name may hold anything.
  const char* name_end = strrchr(stat, ')');
  if (name_end == nullptr || name_end + 4 >= stat + n) return 0;
  return static_cast<pid_t>(strtol(name_end + 4, nullptr, 10));
}

// /proc/PID/children would do, but not every kernel has it. Not readdir, which
// allocates.
void KillChildren() {
  const int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (proc < 0) return;
  const pid_t self = getpid();
  alignas(dirent64) char entries[16 << 10];
  for (long n; (n = syscall(SYS_getdents64, proc, entries, sizeof(entries))) > 0;) {
    for (long at = 0; at < n;) {
      const auto* entry = reinterpret_cast<const dirent64*>(entries + at);
      at += entry->d_reclen;
      if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
      if (ParentOf(proc, entry->d_name) == self)
        kill(static_cast<pid_t>(strtol(entry->d_name, nullptr, 10)), SIGKILL);
    }
  }
  close(proc);
}

// Descendants come here as their parents die: when there are no children, there
// are no descendants.
void KillDescendants(const KeeperPlan& plan) {
  for (size_t i = 0; i < plan.count; ++i) SignalRank(plan.ranks[i], SIGKILL);
  for (;;) {
    pid_t reaped;
    while ((reaped = waitpid(-1, nullptr, WNOHANG)) > 0) {
    }
    if (reaped < 0) return;
    KillChildren();
    waitpid(-1, nullptr, 0);
  }
}

// The agent's lock, sockets and other keepers' controls: they must close when
// the agent dies.
void CloseOthers(const KeeperPlan& plan) {
  int first = STDERR_FILENO + 1;
  for (;;) {
    int kept = plan.control >= first ? plan.control : INT_MAX;
    for (size_t i = 0; i < plan.count; ++i) {
      if (plan.ranks[i].in >= first) kept = std::min(kept, plan.ranks[i].in);
    }
    if (kept > first) close_range(static_cast<unsigned>(first), static_cast<unsigned>(kept) - 1, 0);
    if (kept == INT_MAX) return;
    first = kept + 1;
  }
}

}  // namespace

void RunKeeper(const KeeperPlan& plan) {
  // Out of the agent's group, so that what kills that spares the keeper.
  setpgid(0, 0);
  prctl(PR_SET_NAME, "octet-keeper");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  CloseOthers(plan);
  struct sigaction by_default = {};
  by_default.sa_handler = SIG_DFL;
  sigaction(SIGCHLD, &by_default, nullptr);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  const int child_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  const bool started = child_fd >= 0 && StartRanks(plan);
  for (size_t i = 0; i < plan.count; ++i) {
    if (plan.ranks[i].in >= 0) close(plan.ranks[i].in);
  }
  if (started) Watch(plan, child_fd);
  KillDescendants(plan);
  _exit(0);
}

}  // namespace octet::agent
