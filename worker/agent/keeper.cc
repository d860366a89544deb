#include "worker/agent/keeper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status.h"

extern char** environ;

namespace octet::agent {
namespace {

constexpr size_t kStackBytes = 64 << 10;

// Pointers for exec, into a command and the environment of this process, which
// nothing changes.
struct RankArguments {
  std::vector<std::string> own;
  std::vector<char*> argv, env;
};

RankArguments ArgumentsOf(const RankCommand& command) {
  RankArguments arguments;
  for (const std::string& word : command.argv)
    arguments.argv.push_back(const_cast<char*>(word.c_str()));
  arguments.argv.push_back(nullptr);
  arguments.own.reserve(command.env.size());
  for (const auto& [name, value] : command.env)
    arguments.own.push_back(absl::StrCat(name, "=", value));
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (command.env.count(std::string(*entry, strcspn(*entry, "="))) == 0)
      arguments.env.push_back(*entry);
  }
  for (std::string& entry : arguments.own) arguments.env.push_back(entry.data());
  arguments.env.push_back(nullptr);
  return arguments;
}

const char* OrNull(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

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

pid_t ForkKeeper(const KeeperPlan& plan) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  if (pid == 0) RunKeeper(plan);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return pid;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Keeper>> Keeper::Start(const std::vector<RankCommand>& commands) {
  std::unique_ptr<Keeper> keeper(new Keeper());
  keeper->news_.resize(commands.size());
  std::vector<RankArguments> arguments;
  std::vector<RankPlan> ranks;
  for (const RankCommand& command : commands) arguments.push_back(ArgumentsOf(command));
  for (size_t i = 0; i < commands.size(); ++i) {
    ranks.push_back({.program = commands[i].program.c_str(),
                     .argv = arguments[i].argv.data(),
                     .env = arguments[i].env.data(),
                     .cwd = OrNull(commands[i].cwd),
                     .out = OrNull(commands[i].out),
                     .err = OrNull(commands[i].err)});
  }
  // Not initialized: its pages are only touched in the child.
  const std::unique_ptr<char[]> stack(new char[kStackBytes]);
  KeeperPlan plan{.ranks = ranks.data(),
                  .news = keeper->news_.data(),
                  .count = ranks.size(),
                  .stack = stack.get(),
                  .stack_bytes = kStackBytes};
  RETURN_IF_ERROR(keeper->Fork(plan, commands));
  RETURN_IF_ERROR(keeper->AwaitStart(commands));
  return keeper;
}

absl::Status Keeper::Fork(KeeperPlan& plan, const std::vector<RankCommand>& commands) {
  int control[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) != 0)
    return ErrnoStatus("cannot open", "a socket pair");
  control_ = control[0];
  plan.control = control[1];
  int read_end = -1;
  for (size_t i = 0; i < commands.size(); ++i) {
    int ends[2];
    if (!commands[i].input || input_ >= 0) continue;
    if (pipe2(ends, O_CLOEXEC) != 0) {
      close(plan.control);
      return ErrnoStatus("cannot open", "a pipe");
    }
    plan.ranks[i].in = read_end = ends[0];
    input_ = ends[1];
    fcntl(input_, F_SETFL, O_NONBLOCK);
  }
  pid_ = ForkKeeper(plan);
  const int error = errno;
  close(plan.control);
  if (read_end >= 0) close(read_end);
  errno = error;
  return pid_ < 0 ? ErrnoStatus("cannot fork for", commands[0].program) : absl::OkStatus();
}

absl::Status Keeper::AwaitStart(const std::vector<RankCommand>& commands) {
  ssize_t n;
  do {
    n = recv(control_, news_.data(), news_.size() * sizeof(KeeperNews), 0);
  } while (n < 0 && errno == EINTR);
  if (n <= 0) return absl::UnavailableError("the keeper of the ranks died as it started them");
  if (news_[0].kind == KeeperNews::kNotStarted)
    return StartError(news_[0], commands[news_[0].index]);
  for (const KeeperNews& news : news_) pids_.push_back(news.value);
  return absl::OkStatus();
}

Keeper::~Keeper() {
  CloseInput();
  if (control_ >= 0) close(control_);
  while (pid_ > 0 && waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void Keeper::CloseInput() {
  if (input_ >= 0) close(std::exchange(input_, -1));
}

Keeper::News Keeper::Read() {
  News news;
  ssize_t n;
  do {
    n = recv(control_, news_.data(), news_.size() * sizeof(KeeperNews), 0);
  } while (n < 0 && errno == EINTR);
  news.gone = n <= 0;
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
