#include "client/run_input.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "client/call.h"
#include "common/files.h"
#include "octet/v1/jobs.grpc.pb.h"

namespace octet::client {
namespace {

constexpr size_t kMostAtOnce = 256 << 10;
// Between two tries, while the job does not take what is sent.
constexpr absl::Duration kShortestPause = absl::Milliseconds(10);
constexpr absl::Duration kLongestPause = absl::Milliseconds(500);

bool WorthRepeating(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsFailedPrecondition(status) ||
         absl::IsResourceExhausted(status) || absl::IsDeadlineExceeded(status);
}

// Sends `request`, which begins at its offset, until all of it is taken.
absl::Status Send(Context& context, v1::SendInputRequest request, const Bell& stop) {
  const int64_t end = request.offset() + static_cast<int64_t>(request.data().size());
  absl::Duration pause = kShortestPause;
  for (;;) {
    const auto answer = Call<v1::JobService>(context, "SendInput",
                                             &v1::JobService::StubInterface::SendInput, request);
    if (answer.ok() && answer->size() >= end) return absl::OkStatus();
    if (!answer.ok() && !WorthRepeating(answer.status())) return answer.status();
    if (answer.ok()) {
      const int64_t taken = answer->size() - request.offset();
      if (taken < 0) {
        return absl::DataLossError(absl::StrCat("the job has only the first ", answer->size(),
                                                " bytes of ", request.offset(), " sent before"));
      }
      if (taken > 0) pause = kShortestPause;
      request.mutable_data()->erase(0, static_cast<size_t>(taken));
      request.set_offset(answer->size());
    }
    stop.WaitForInput(-1, pause);
    if (stop.rung()) return absl::OkStatus();
    pause = std::min(2 * pause, kLongestPause);
  }
}

}  // namespace

bool HasInput(int fd) {
  struct stat status {};
  if (fd < 0 || fstat(fd, &status) != 0) return false;
  return S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) || S_ISREG(status.st_mode);
}

absl::Status ForwardInput(Context& context, const SharedJob& job, int fd, const Bell& stop) {
  const auto running =
      job.Await([](const v1::Job& now) { return now.state() == v1::JOB_STATE_RUNNING; });
  v1::SendInputRequest request;
  request.set_job_id(running->job_id());
  std::string buffer(kMostAtOnce, '\0');
  while (!request.end() && stop.WaitForInput(fd)) {
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return ErrnoStatus("read", "standard input");
    request.set_data(buffer.data(), static_cast<size_t>(got));
    request.set_end(got == 0);
    RETURN_IF_ERROR(Send(context, request, stop));
    request.set_offset(request.offset() + got);
  }
  return absl::OkStatus();
}

}  // namespace octet::client
