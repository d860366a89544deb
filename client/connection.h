// Reaching the scheduler, and reaching it again.
#ifndef OCTET_CLIENT_CONNECTION_H_
#define OCTET_CLIENT_CONNECTION_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/command.h"
#include "google/protobuf/message_lite.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/status.h"

namespace octet::client {

/// A channel to context.server that tries again quickly, with TLS unless that
/// is a Unix socket. Never fails; see WaitForScheduler.
std::shared_ptr<grpc::Channel> MakeChannel(const Context& context);

/// INVALID_ARGUMENT: a Unix socket's path is too long for the kernel.
absl::Status CheckAddress(const std::string& address);

/// OK as soon as the scheduler takes calls. UNAVAILABLE after
/// context.first_contact, with the address and the way out; INVALID_ARGUMENT:
/// see CheckAddress; context.destination when that is an error; FAILED_PRECONDITION: something
/// answers there that is not a scheduler of the login's authority.
absl::Status WaitForScheduler(Context& context);

/// unix:PATH, rather than HOST:PORT.
bool IsUnixSocket(const std::string& address);

/// A unary call over the Unix socket that context.server is; see ShortCall.
/// UNAVAILABLE as WaitForScheduler's, when the scheduler was never heard.
absl::Status CallOnSocket(Context& context, const std::string& method,
                          const google::protobuf::MessageLite& request,
                          google::protobuf::MessageLite* response);

/// Gives a unary call its deadline.
void SetCallDeadline(grpc::ClientContext& call, absl::Duration limit = absl::Seconds(30));

/// How a call ended, in words: gRPC's own texts do not say who did not answer.
absl::Status StatusOfCall(const Context& context, const grpc::Status& status);

/// Keeps a wait alive over restarts of the scheduler. Main thread only.
class Reconnector {
 public:
  /// context: outlives this object. patience: how long an outage may last.
  /// deadline: the end of every outage, on context.clock's steady time.
  explicit Reconnector(Context& context, absl::Duration patience = absl::InfiniteDuration(),
                       absl::Duration deadline = absl::InfiniteDuration())
      : context_(context), patience_(patience), deadline_(deadline) {}

  /// The scheduler has answered: an outage, if there was one, is over.
  void Answered() {
    down_since_.reset();
    noted_ = false;
  }

  /// After a stream or call ended with `failure`: OK when the scheduler can be
  /// reached and it should be repeated, else the error to show. Only
  /// UNAVAILABLE is worth repeating, and only by a scheduler that was reached
  /// before. Says so once after 5 s of an outage.
  absl::Status Recover(const absl::Status& failure);

 private:
  Context& context_;
  const absl::Duration patience_, deadline_;
  std::optional<absl::Duration> down_since_;  // on the steady clock
  bool noted_ = false;
};

}  // namespace octet::client

#endif  // OCTET_CLIENT_CONNECTION_H_
