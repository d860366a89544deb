#include "worker/agent/gang.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include "common/clock.h"
#include "common/files.h"
#include "common/log.h"
#include "common/status.h"

namespace octet::agent {
namespace {

// How long the rest of a gang lives after one rank's trouble was only an echo
// of another's, or was announced by a rank that still has to leave. The true
// cause, if it is on this node, shows itself in this time.
constexpr absl::Duration kSettle = absl::Seconds(1);

absl::Duration Now() { return Clock::Real().Steady(); }

int PollTimeout(absl::Duration deadline) {
  if (deadline == absl::InfiniteDuration()) return -1;
  const absl::Duration left = std::max(deadline - Now(), absl::ZeroDuration());
  const int64_t ms = absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1)));
  return static_cast<int>(std::min<int64_t>(ms, INT_MAX));
}

}  // namespace

LocalGang::~LocalGang() {
  if (wake_fd_ >= 0) close(wake_fd_);
}

absl::Status LocalGang::Start(const std::vector<RankCommand>& commands,
                              const isolation::Confinement& confinement) {
  {
    absl::MutexLock lock(&mutex_);
    wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd_ < 0) return ErrnoStatus("cannot open", "an eventfd");
  }
  ASSIGN_OR_RETURN(keeper_, Keeper::Start(commands, confinement));
  for (const RankCommand& command : commands) members_.push_back({.rank = command.rank});
  return absl::OkStatus();
}

std::vector<pid_t> LocalGang::pids() const {
  return keeper_ == nullptr ? std::vector<pid_t>() : keeper_->pids();
}

void LocalGang::Stop(absl::Duration grace) {
  absl::MutexLock lock(&mutex_);
  const absl::Duration deadline = Now() + grace;
  requests_.stop_deadline = std::min(requests_.stop_deadline.value_or(deadline), deadline);
  Wake();
}

void LocalGang::Signal(int signal) {
  absl::MutexLock lock(&mutex_);
  requests_.signals.push_back(signal);
  Wake();
}

void LocalGang::NoteFailure(int rank, const v1::Failure& failure) {
  absl::MutexLock lock(&mutex_);
  requests_.failures.try_emplace(rank, failure);
  Wake();
}

void LocalGang::Condemn(int rank, const v1::Failure& failure) {
  NoteFailure(rank, failure);
  kill_at_ = Now();
}

void LocalGang::Input(int64_t offset, std::string_view data, bool end) {
  absl::MutexLock lock(&mutex_);
  const int64_t known = requests_.input_size - offset;
  if (known < 0) {
    spdlog::warn("input from byte {} on, but only {} are here; not taken", offset,
                 requests_.input_size);
    return;
  }
  if (known < static_cast<int64_t>(data.size())) {
    data.remove_prefix(static_cast<size_t>(known));
    if (!requests_.input_closed) requests_.input += data;
    requests_.input_size += static_cast<int64_t>(data.size());
  }
  requests_.input_end |= end;
  Wake();
}

bool LocalGang::WaitFor(absl::Duration timeout) {
  const absl::Duration deadline = Now() + timeout;
  while (keeper_ != nullptr && Now() < deadline) {
    Obey();
    PollOnce(deadline);
  }
  return keeper_ == nullptr;
}

std::vector<RankOutcome> LocalGang::Wait() {
  WaitFor(absl::InfiniteDuration());
  return Outcomes();
}

bool LocalGang::stop_requested() const {
  absl::MutexLock lock(&mutex_);
  return requests_.stop_deadline.has_value();
}

void LocalGang::Wake() {
  const uint64_t one = 1;
  if (wake_fd_ >= 0) [[maybe_unused]]
    const ssize_t written = write(wake_fd_, &one, sizeof(one));
}

bool LocalGang::HasInput() const {
  absl::MutexLock lock(&mutex_);
  return !requests_.input.empty() || requests_.input_end;
}

void LocalGang::PollOnce(absl::Duration deadline) {
  const int wake_fd = [this] {
    absl::MutexLock lock(&mutex_);
    return wake_fd_;
  }();
  // poll skips negative descriptors.
  pollfd fds[] = {{.fd = keeper_->fd(), .events = POLLIN, .revents = 0},
                  {.fd = wake_fd, .events = POLLIN, .revents = 0},
                  {.fd = HasInput() ? keeper_->input_fd() : -1, .events = POLLOUT, .revents = 0}};
  poll(fds, 3, PollTimeout(std::min(deadline, kill_at_.value_or(absl::InfiniteDuration()))));
  uint64_t count;
  if (fds[1].revents != 0) [[maybe_unused]]
    const ssize_t drained = read(wake_fd, &count, sizeof(count));
  if (fds[2].revents != 0) WriteInput();
  if (fds[0].revents != 0) CollectEnds();
}

void LocalGang::WriteInput() {
  absl::MutexLock lock(&mutex_);
  std::string& input = requests_.input;
  const ssize_t written = write(keeper_->input_fd(), input.data(), input.size());
  if (written >= 0) {
    input.erase(0, static_cast<size_t>(written));
    if (!input.empty() || !requests_.input_end) return;
  } else if (errno == EAGAIN || errno == EINTR) {
    return;
  }
  // All is said, or nobody reads any more.
  input.clear();
  requests_.input_closed = true;
  keeper_->CloseInput();
}

void LocalGang::CollectEnds() {
  const Keeper::News news = keeper_->Read();
  for (const Keeper::End& end : news.ends) NoteEnd(end.index, end.exit);
  if (!news.gone) return;
  // A keeper that died without a word took its ranks along.
  for (size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].exit) continue;
    keeper_lost_ = true;
    NoteEnd(i, {.signal = SIGKILL});
  }
  keeper_.reset();
}

void LocalGang::NoteEnd(size_t index, ExitStatus exit) {
  members_[index].exit = exit;
  ended_.push_back(index);
  const bool left = exit.ok() || (exit.signal == 0 && exit.exit_code == stopped_exit_code_);
  const bool from_elsewhere =
      exit.signal != 0 && members_[index].user_signals.count(exit.signal) == 0;
  if (!left) NoteTrouble(/*clear=*/from_elsewhere);
}

void LocalGang::Obey() {
  bool announced = false;
  std::optional<absl::Duration> stop_deadline;
  std::vector<int> signals;
  {
    absl::MutexLock lock(&mutex_);
    announced = !requests_.failures.empty();
    stop_deadline = requests_.stop_deadline;
    signals.swap(requests_.signals);
  }
  if (killed_) return;
  for (const int signal : signals) {
    for (Member& member : members_) member.user_signals.insert(signal);
    keeper_->Signal(signal);
  }
  if (announced) NoteTrouble(/*clear=*/false);
  if (stop_deadline) {
    if (!std::exchange(asked_to_leave_, true)) {
      for (Member& member : members_) member.asked_to_leave = !member.exit;
      SignalAll(SIGTERM);
      // One that was halted could not leave.
      keeper_->Signal(SIGCONT);
    }
    kill_at_ = std::min(kill_at_.value_or(*stop_deadline), *stop_deadline);
  }
  if (kill_at_ && Now() >= *kill_at_) {
    SignalAll(SIGKILL);
    killed_ = true;
    kill_at_.reset();
  }
}

void LocalGang::NoteTrouble(bool clear) {
  // Ranks that were asked to leave have their grace, whatever their peers do.
  if (killed_ || asked_to_leave_) return;
  const absl::Duration at = clear ? Now() : Now() + kSettle;
  kill_at_ = std::min(kill_at_.value_or(at), at);
}

void LocalGang::SignalAll(int signal) {
  for (Member& member : members_) {
    if (!member.exit) member.sent_signal = signal;
  }
  keeper_->Signal(signal);
}

std::vector<RankOutcome> LocalGang::Outcomes() const {
  absl::MutexLock lock(&mutex_);
  std::vector<RankOutcome> outcomes;
  for (size_t i : ended_) {
    const Member& member = members_[i];
    RankOutcome& outcome = outcomes.emplace_back();
    outcome.rank = member.rank;
    outcome.exit = *member.exit;
    outcome.signalled_here = member.exit->signal != 0 && member.sent_signal == member.exit->signal;
    outcome.signalled_by_user =
        member.exit->signal != 0 && member.user_signals.count(member.exit->signal) != 0;
    outcome.asked_to_leave = member.asked_to_leave;
    auto failure = requests_.failures.find(member.rank);
    if (failure != requests_.failures.end()) outcome.reported = failure->second;
  }
  return outcomes;
}

}  // namespace octet::agent
