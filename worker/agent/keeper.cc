#include "worker/agent/keeper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/files.h"
#include "common/status.h"
#include "worker/agent/keeper_process.h"

namespace octet::agent {
namespace {

// An idle keeper holds on to the agent's memory of when it was forked.
constexpr size_t kMostIdle = 32;

struct IdleKeeper {
  pid_t pid = -1;
  int control = -1;
};

// Children that wait for their next attempt. Thread-safe.
class IdleKeepers {
 public:
  std::optional<IdleKeeper> Take() {
    absl::MutexLock lock(&mutex_);
    if (keepers_.empty()) return std::nullopt;
    const IdleKeeper keeper = keepers_.back();
    keepers_.pop_back();
    return keeper;
  }
  // False: there are enough.
  bool Give(const IdleKeeper& keeper) {
    absl::MutexLock lock(&mutex_);
    if (keepers_.size() >= kMostIdle) return false;
    keepers_.push_back(keeper);
    return true;
  }

 private:
  absl::Mutex mutex_;
  std::vector<IdleKeeper> keepers_ ABSL_GUARDED_BY(mutex_);
};

// Never destroyed: they end when this process does.
IdleKeepers& Idle() {
  static IdleKeepers* const idle = new IdleKeepers();
  return *idle;
}

struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

absl::Status WritePlan(const std::vector<RankCommand>& commands, Descriptor& file) {
  const std::string image = PlanImage(commands);
  file.fd = memfd_create("octet-plan", MFD_CLOEXEC);
  if (file.fd < 0) return ErrnoStatus("cannot open", "a memory file");
  for (size_t done = 0; done < image.size();) {
    const ssize_t n = write(file.fd, image.data() + done, image.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus("cannot write", "a memory file");
    done += static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

absl::Status StartError(const KeeperNews& news, const RankCommand& command) {
  errno = news.value;
  switch (news.step) {
    case KeeperNews::kChdir:
      return ErrnoStatus("cannot enter", command.cwd);
    case KeeperNews::kIn:
      return ErrnoStatus("cannot open", "standard input");
    case KeeperNews::kOut:
      return ErrnoStatus("cannot open", command.out);
    case KeeperNews::kErr:
      return ErrnoStatus("cannot open", command.err);
    case KeeperNews::kFork:
      return ErrnoStatus("cannot fork for", command.program);
    case KeeperNews::kConfine:
      return ErrnoStatus("cannot isolate", command.program);
    case KeeperNews::kExec:
      break;
  }
  if (news.value == ENOEXEC)
    return absl::InvalidArgumentError(absl::StrCat(
        "cannot start ", command.program, ": it is no program (a script needs a #! line)"));
  if (news.value == E2BIG)
    return absl::InvalidArgumentError(absl::StrCat("cannot start ", command.program,
                                                   ": its arguments and environment are too long"));
  return ErrnoStatus("cannot start", command.program);
}

ExitStatus ToExitStatus(int status) {
  if (WIFSIGNALED(status)) return {.signal = WTERMSIG(status)};
  return {.exit_code = WEXITSTATUS(status)};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Keeper>> Keeper::Start(const std::vector<RankCommand>& commands,
                                                      const isolation::Confinement& confinement) {
  std::unique_ptr<Keeper> keeper(new Keeper());
  keeper->news_.resize(commands.size());
  RETURN_IF_ERROR(keeper->Begin(commands, confinement));
  RETURN_IF_ERROR(keeper->AwaitStart(commands));
  return keeper;
}

absl::Status Keeper::Begin(const std::vector<RankCommand>& commands,
                           const isolation::Confinement& confinement) {
  confined_ = confinement.on;
  Descriptor plan, read_end;
  RETURN_IF_ERROR(WritePlan(commands, plan));
  std::vector<int> fds = {plan.fd};
  if (std::any_of(commands.begin(), commands.end(), [](const auto& each) { return each.input; })) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus("cannot open", "a pipe");
    read_end.fd = ends[0];
    input_ = ends[1];
    fcntl(input_, F_SETFL, O_NONBLOCK);
    fds.push_back(read_end.fd);
  }
  while (const auto idle = confined_ ? std::nullopt : Idle().Take()) {
    pid_ = idle->pid;
    control_ = idle->control;
    if (Send(fds) && WasRead()) return absl::OkStatus();
    // Something has killed it.
    Dismiss();
  }
  RETURN_IF_ERROR(Fork(confinement));
  return Send(fds) ? absl::OkStatus() : ErrnoStatus("cannot send a plan to", "a keeper for ranks");
}

absl::Status Keeper::Fork(const isolation::Confinement& confinement) {
  int control[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) != 0)
    return ErrnoStatus("cannot open", "a socket pair");
  control_ = control[0];
  const Descriptor other_end{control[1]};
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_ = fork();
  if (pid_ == 0) RunKeeper(other_end.fd, confinement);
  const absl::Status status =
      pid_ < 0 ? ErrnoStatus("cannot fork", "a keeper for ranks") : absl::OkStatus();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return status;
}

bool Keeper::Send(const std::vector<int>& fds) {
  int32_t no_signal = 0;
  iovec word{.iov_base = &no_signal, .iov_len = sizeof(no_signal)};
  alignas(cmsghdr) char room[CMSG_SPACE(2 * sizeof(int))] = {};
  const size_t bytes = fds.size() * sizeof(int);
  msghdr message{};
  message.msg_iov = &word;
  message.msg_iovlen = 1;
  message.msg_control = room;
  message.msg_controllen = CMSG_SPACE(bytes);
  cmsghdr* const rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(bytes);
  memcpy(CMSG_DATA(rights), fds.data(), bytes);
  ssize_t n;
  do {
    n = sendmsg(control_, &message, MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  return n > 0;
}

// Waits for the child's answer and leaves it to be received. False: the child
// died before it took the plan, so nothing was started.
bool Keeper::WasRead() const {
  ssize_t n;
  do {
    n = recv(control_, nullptr, 0, MSG_PEEK);
  } while (n < 0 && errno == EINTR);
  // What unix(7) sockets say of a peer that left something unread.
  return n >= 0 || errno != ECONNRESET;
}

absl::Status Keeper::AwaitStart(const std::vector<RankCommand>& commands) {
  if (ReceiveNews() <= 0)
    return absl::UnavailableError("the keeper of the ranks died as it started them");
  if (news_[0].kind == KeeperNews::kNotStarted)
    return StartError(news_[0], commands[news_[0].index]);
  for (const KeeperNews& news : news_) pids_.push_back(news.value);
  return absl::OkStatus();
}

// Bytes in news_; none: the keeper is dead.
ssize_t Keeper::ReceiveNews() {
  ssize_t n;
  do {
    n = recv(control_, news_.data(), news_.size() * sizeof(KeeperNews), 0);
  } while (n < 0 && errno == EINTR);
  return n;
}

Keeper::~Keeper() {
  CloseInput();
  if (!idle_ || confined_ || !Idle().Give({pid_, control_})) Dismiss();
}

void Keeper::Dismiss() {
  if (control_ >= 0) close(std::exchange(control_, -1));
  while (pid_ > 0 && waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

void Keeper::CloseInput() {
  if (input_ >= 0) close(std::exchange(input_, -1));
}

Keeper::News Keeper::Read() {
  const ssize_t n = ReceiveNews();
  idle_ = n > 0 && news_[0].kind == KeeperNews::kGone;
  News news{.ends = {}, .gone = n <= 0 || idle_};
  if (news.gone) return news;
  for (ssize_t i = 0; i < n / static_cast<ssize_t>(sizeof(KeeperNews)); ++i)
    news.ends.push_back({static_cast<size_t>(news_[i].index), ToExitStatus(news_[i].value)});
  return news;
}

void Keeper::Signal(int signal) {
  const int32_t message = signal;
  // A keeper that is gone has no ranks to signal.
  send(control_, &message, sizeof(message), MSG_NOSIGNAL);
}

}  // namespace octet::agent
