#include "client/connection.h"

#include <sys/un.h>

#include <algorithm>
#include <ostream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/grpc_status.h"
#include "common/status.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"

namespace octet::client {
namespace {

constexpr size_t kLongestSocketPath = sizeof(sockaddr_un::sun_path) - 1;
// How long an outage may last before it is told.
constexpr absl::Duration kQuiet = absl::Seconds(5);
// Between two tries against a scheduler that can be reached but is not ready.
constexpr absl::Duration kPause = absl::Milliseconds(100);

std::chrono::system_clock::time_point After(absl::Duration limit) {
  return std::chrono::system_clock::now() + absl::ToChronoMicroseconds(limit);
}

// A scheduler that is busy says when to come again; gRPC heeds that by itself.
// Without effect on what is not idempotent: such calls carry a request id.
constexpr char kRetries[] = R"({"methodConfig": [{"name": [{"service": "octet.v1.JobService"}],
  "retryPolicy": {"maxAttempts": 5, "initialBackoff": "0.2s", "maxBackoff": "2s",
                  "backoffMultiplier": 2, "retryableStatusCodes": ["RESOURCE_EXHAUSTED"]}}]})";

}  // namespace

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  // The default waits a second after a refused connection, and then longer.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
  arguments.SetServiceConfigJSON(kRetries);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

absl::Status CheckAddress(const std::string& address) {
  if (!absl::StartsWith(address, "unix:") || address.size() - 5 <= kLongestSocketPath)
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(address, ": a Unix socket's path may have ", kLongestSocketPath,
                   " bytes; choose a shorter folder with --dir or OCTET_DIR"));
}

absl::Status WaitForScheduler(Context& context) {
  RETURN_IF_ERROR(CheckAddress(context.server));
  if (context.Channel()->WaitForConnected(After(context.first_contact))) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("cannot reach the scheduler at ", context.server,
                   "; start one with `octet up`, or name another with --server"));
}

void SetCallDeadline(grpc::ClientContext& call, absl::Duration limit) {
  call.set_deadline(After(limit));
}

absl::Status StatusOfCall(const Context& context, const grpc::Status& status) {
  const std::string scheduler = absl::StrCat("the scheduler at ", context.server);
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
      return absl::UnavailableError(
          absl::StrCat(scheduler, " cannot answer now: ", status.error_message()));
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return absl::DeadlineExceededError(absl::StrCat(scheduler, " takes too long to answer"));
    case grpc::StatusCode::UNIMPLEMENTED:
      return absl::UnimplementedError(absl::StrCat(
          scheduler, " does not know this call; compare its version with that of `octet version`"));
    case grpc::StatusCode::UNKNOWN:
    case grpc::StatusCode::CANCELLED:
      return absl::InternalError(
          absl::StrCat(scheduler, " broke the call off: ", status.error_message()));
    default:
      return FromGrpc(status);
  }
}

absl::Status Reconnector::Recover(const absl::Status& failure) {
  if (!absl::IsUnavailable(failure)) return failure;
  if (!down_since_.has_value()) down_since_ = context_.clock.Steady();
  const absl::Duration patience = std::min(patience_, deadline_ - *down_since_);
  for (;;) {
    const absl::Duration down = context_.clock.Steady() - *down_since_;
    if (down >= patience) return failure;
    if (down >= kQuiet && !std::exchange(noted_, true))
      context_.err << "octet: " << failure.message()
                   << "; trying again (running jobs are not affected)" << std::endl;
    const absl::Duration next = std::min(patience, down < kQuiet ? kQuiet : down + kQuiet);
    if (context_.Channel()->WaitForConnected(After(next - down))) break;
  }
  absl::SleepFor(kPause);
  return absl::OkStatus();
}

}  // namespace octet::client
