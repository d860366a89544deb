#include "worker/agent/keeper_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "worker/agent/keeper_plan.h"
#include "worker/isolation/confinement.h"

namespace octet::agent {
namespace {

// For a rank between its clone and its exec.
alignas(16) char launch_stack[64 << 10];

// What the keeper works on.
struct Work {
  int control;
  int child_fd;  // A signalfd of SIGCHLD.
  int in;        // Of the rank that has input; -1: none has.
  KeeperPlan* plan;
  size_t bytes;  // Of the plan's image.
  isolation::Confinement confinement;
  int unconfined;  // errno, when the confinement could not be; else 0.
};

// What a rank that could not become its program leaves for the keeper, whose
// memory it shares until then.
struct Launch {
  const RankPlan* rank;
  const isolation::Confinement* confinement;
  int in;
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
  if (!isolation::ConfineSelf(*launch.confinement)) Fail(launch, KeeperNews::kConfine);
  // Another user's process has lost it.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != launch.keeper) _exit(127);
  const int in = rank.input ? launch.in : open("/dev/null", O_RDONLY | O_CLOEXEC);
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
pid_t StartRank(Launch& launch) {
  char* const top = launch_stack + sizeof(launch_stack);
  const pid_t pid = clone(BecomeRank, top, CLONE_VM | CLONE_VFORK | SIGCHLD, &launch);
  if (pid < 0) {
    launch.error = errno;
    launch.step = KeeperNews::kFork;
  }
  return pid;
}

void Tell(const Work& work, size_t count) {
  // The agent is gone if this fails, which the next look at its end tells.
  send(work.control, work.plan->news, count * sizeof(KeeperNews), MSG_NOSIGNAL);
}

void SignalRank(const RankPlan& rank, int signal) {
  if (rank.pid > 0) kill(-rank.pid, signal);
}

bool StartRanks(const Work& work) {
  const KeeperPlan& plan = *work.plan;
  for (size_t i = 0; i < plan.count; ++i) {
    RankPlan& rank = plan.ranks[i];
    Launch launch{.rank = &rank,
                  .confinement = &work.confinement,
                  .in = work.in,
                  .keeper = getpid(),
                  .error = work.unconfined,
                  .step = KeeperNews::kConfine};
    const pid_t pid = work.unconfined != 0 ? -1 : StartRank(launch);
    const int32_t index = static_cast<int32_t>(i);
    if (launch.error != 0) {
      plan.news[0] = {KeeperNews::kNotStarted, index, launch.error, launch.step};
      Tell(work, 1);
      return false;
    }
    rank.pid = pid;
    plan.news[i] = {KeeperNews::kStarted, index, pid, {}};
  }
  Tell(work, plan.count);
  return true;
}

// Lets every ended child go. Tells of the ranks among them; returns how many
// those were.
size_t Reap(const Work& work) {
  const KeeperPlan& plan = *work.plan;
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
  if (ended > 0) Tell(work, ended);
  return ended;
}

// False: the agent is gone.
bool PassSignals(const Work& work) {
  for (;;) {
    int32_t signal = 0;
    const ssize_t n = recv(work.control, &signal, sizeof(signal), MSG_DONTWAIT);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    if (n != sizeof(signal)) return false;
    for (size_t i = 0; i < work.plan->count; ++i) SignalRank(work.plan->ranks[i], signal);
  }
}

void Watch(const Work& work) {
  for (size_t running = work.plan->count; running > 0;) {
    pollfd fds[] = {{.fd = work.control, .events = POLLIN, .revents = 0},
                    {.fd = work.child_fd, .events = POLLIN, .revents = 0}};
    poll(fds, 2, -1);
    if (fds[0].revents != 0 && !PassSignals(work)) return;
    signalfd_siginfo drained;
    while (read(work.child_fd, &drained, sizeof(drained)) > 0) {
    }
    running -= Reap(work);
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

// Waits for the next plan. False: the agent is gone.
bool Receive(Work& work) {
  for (;;) {
    int32_t signal = 0;
    iovec word{.iov_base = &signal, .iov_len = sizeof(signal)};
    alignas(cmsghdr) char room[CMSG_SPACE(2 * sizeof(int))];
    msghdr message{};
    message.msg_iov = &word;
    message.msg_iovlen = 1;
    message.msg_control = room;
    message.msg_controllen = sizeof(room);
    if (recvmsg(work.control, &message, MSG_CMSG_CLOEXEC) <= 0) return false;
    const cmsghdr* const rights = CMSG_FIRSTHDR(&message);
    // A signal that came too late for the ranks it was meant for.
    if (rights == nullptr) continue;
    int fds[2] = {-1, -1};
    memcpy(fds, CMSG_DATA(rights), std::min(rights->cmsg_len - CMSG_LEN(0), sizeof(fds)));
    struct stat info {};
    if (fstat(fds[0], &info) != 0) return false;
    work.in = fds[1];
    work.bytes = static_cast<size_t>(info.st_size);
    void* const image = mmap(nullptr, work.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, fds[0], 0);
    close(fds[0]);
    if (image == MAP_FAILED) return false;
    work.plan = &OpenPlanImage(static_cast<char*>(image));
    return true;
  }
}

void Serve(const Work& work) {
  const bool started = StartRanks(work);
  if (work.in >= 0) close(work.in);
  if (started) Watch(work);
  KillDescendants(*work.plan);
  work.plan->news[0] = {KeeperNews::kGone, 0, 0, {}};
  Tell(work, 1);
  munmap(work.plan, work.bytes);
}

}  // namespace

void RunKeeper(int control, const isolation::Confinement& confinement) {
  // Out of the agent's group, so that what kills that spares the keeper.
  setpgid(0, 0);
  prctl(PR_SET_NAME, "octet-keeper");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  Work work{};
  work.control = control;
  work.confinement = confinement;
  // While its descriptors are open.
  if (!isolation::ConfineParent(confinement)) work.unconfined = errno;
  int last = control;
  if (confinement.cgroup >= 0) last = work.confinement.cgroup = dup2(confinement.cgroup, last + 1);
  // The agent's lock, sockets and other keepers' controls: they must close when
  // the agent dies.
  if (control > STDERR_FILENO + 1)
    close_range(STDERR_FILENO + 1, static_cast<unsigned>(control) - 1, 0);
  close_range(static_cast<unsigned>(last) + 1, UINT_MAX, 0);
  struct sigaction by_default = {};
  by_default.sa_handler = SIG_DFL;
  sigaction(SIGCHLD, &by_default, nullptr);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  work.child_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  while (work.child_fd >= 0 && Receive(work)) {
    Serve(work);
    if (confinement.on) break;
  }
  _exit(0);
}

}  // namespace octet::agent
