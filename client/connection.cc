#include "client/connection.h"

#include <sys/un.h>

#include <algorithm>
#include <ostream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/short_call.h"
#include "common/grpc_status.h"
#include "common/status.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"
#include "identity/tls.h"
#include "identity/tls_probe.h"

namespace octet::client {
namespace {

constexpr char kUnix[] = "unix:";
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

// Plain text is spoken on Unix sockets alone.
std::shared_ptr<grpc::ChannelCredentials> Credentials(const Context& context) {
  if (IsUnixSocket(context.server)) return grpc::InsecureChannelCredentials();
  const auto authority = grpc::SslCredentials({.pem_root_certs = context.authority});
  if (context.token.empty()) return authority;
  return grpc::CompositeChannelCredentials(authority, identity::BearerToken(context.token));
}

absl::Status CheckDestination(const Context& context) {
  RETURN_IF_ERROR(context.destination);
  return CheckAddress(context.server);
}

absl::Status Unreachable(const Context& context) {
  return absl::UnavailableError(
      absl::StrCat("cannot reach the scheduler at ", context.server,
                   "; start one with `octet up`, or name another with --server"));
}

}  // namespace

std::shared_ptr<grpc::Channel> MakeChannel(const Context& context) {
  grpc::ChannelArguments arguments;
  // The default waits a second after a refused connection, and then longer.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
  arguments.SetServiceConfigJSON(kRetries);
  return grpc::CreateCustomChannel(context.server, Credentials(context), arguments);
}

bool IsUnixSocket(const std::string& address) { return absl::StartsWith(address, kUnix); }

absl::Status CheckAddress(const std::string& address) {
  if (!IsUnixSocket(address) || address.size() - (sizeof(kUnix) - 1) <= kLongestSocketPath)
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(address, ": a Unix socket's path may have ", kLongestSocketPath,
                   " bytes; choose a shorter folder with --dir or OCTET_DIR"));
}

absl::Status WaitForScheduler(Context& context) {
  RETURN_IF_ERROR(CheckDestination(context));
  if (!context.Channel()->WaitForConnected(After(context.first_contact)))
    return IsUnixSocket(context.server) ? Unreachable(context)
                                        : identity::ProbeTls(context.server, context.authority);
  context.reached = true;
  return absl::OkStatus();
}

absl::Status CallOnSocket(Context& context, const std::string& method,
                          const google::protobuf::MessageLite& request,
                          google::protobuf::MessageLite* response) {
  RETURN_IF_ERROR(CheckDestination(context));
  const ShortCallResult result =
      ShortCall(context.server.substr(sizeof(kUnix) - 1), method,
                {.first_contact = context.first_contact}, request, response);
  if (!result.heard && !context.reached) return Unreachable(context);
  if (result.heard) context.reached = true;
  return StatusOfCall(context, result.status);
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
    case grpc::StatusCode::PERMISSION_DENIED:
      return absl::PermissionDeniedError(
          absl::StrCat(status.error_message(), "; an admin can give you a token that may"));
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
  if (!absl::IsUnavailable(failure) || !context_.reached) return failure;
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
