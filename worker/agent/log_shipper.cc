#include "worker/agent/log_shipper.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/grpc_status.h"
#include "common/log.h"
#include "worker/agent/attempt_ref.h"

namespace octet::agent {
namespace {

// How often a log is looked at: while it grows, so that people can talk to a
// program, and while it does not.
constexpr absl::Duration kShortestPoll = absl::Milliseconds(20);
constexpr absl::Duration kLongestPoll = absl::Milliseconds(200);
constexpr absl::Duration kCallDeadline = absl::Seconds(10);
constexpr int64_t kPieceBytes = 256 << 10;

// Nothing: there is no more, or no such file yet.
std::string ReadFrom(const std::string& path, int64_t offset) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "";
  std::string piece;
  struct stat info;
  if (fstat(fd, &info) == 0 && info.st_size > offset) {
    piece.resize(static_cast<size_t>(std::min<int64_t>(info.st_size - offset, kPieceBytes)));
    const ssize_t n = pread(fd, piece.data(), piece.size(), offset);
    piece.resize(static_cast<size_t>(std::max<ssize_t>(n, 0)));
  }
  close(fd);
  return piece;
}

}  // namespace

LogShipper::LogShipper(std::shared_ptr<grpc::Channel> scheduler, v1::AttemptRef ref,
                       const std::vector<LogFile>& files)
    : stub_(v1::AgentService::NewStub(std::move(scheduler))), ref_(std::move(ref)) {
  for (const LogFile& file : files) logs_.push_back({.file = file});
}

LogShipper::~LogShipper() {
  Abandon();
  Finish();
}

void LogShipper::Follow() {
  thread_ = std::thread([this] { Run(); });
}

void LogShipper::Finish() {
  {
    absl::MutexLock lock(&mutex_);
    finishing_ = true;
  }
  if (thread_.joinable()) {
    thread_.join();
  } else {
    Run();
  }
}

void LogShipper::Run() {
  absl::Duration poll = kShortestPoll;
  for (bool last = false; !cancellation_.cancelled();) {
    bool shipped = false;
    for (Log& log : logs_) shipped |= ShipPiece(log);
    if (shipped) {
      poll = kShortestPoll;
      continue;
    }
    if (last) return;
    // Everything after this look at finishing_ sees the files' ends.
    absl::MutexLock lock(&mutex_);
    last = mutex_.AwaitWithTimeout(absl::Condition(&finishing_), poll);
    poll = std::min(2 * poll, kLongestPoll);
  }
}

// Whether the log has moved, so that there may be more to ship at once.
bool LogShipper::ShipPiece(Log& log) {
  if (log.refused) return false;
  v1::AppendLogRequest request;
  request.set_data(ReadFrom(log.file.path, log.shipped));
  if (request.data().empty()) return false;
  *request.mutable_ref() = ref_;
  request.set_rank(log.file.rank);
  request.set_stream(log.file.stream);
  request.set_offset(log.shipped);
  v1::AppendLogResponse response;
  const absl::Status status =
      CallUntilAnswered(&cancellation_, kCallDeadline, [&](grpc::ClientContext* context) {
        return FromGrpc(stub_->AppendLog(context, request, &response));
      });
  if (absl::IsCancelled(status)) return false;
  if (!status.ok()) {
    log.refused = true;
    spdlog::warn("{}: the scheduler does not take {} of rank {} ({}); it stays in {}",
                 ToString(ref_), log.file.stream, log.file.rank, std::string(status.message()),
                 log.file.path);
    return false;
  }
  return std::exchange(log.shipped, response.size()) != response.size();
}

}  // namespace octet::agent
