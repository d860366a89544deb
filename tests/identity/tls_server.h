// A real gRPC server that says what it saw of its caller.
#ifndef OCTET_TESTS_IDENTITY_TLS_SERVER_H_
#define OCTET_TESTS_IDENTITY_TLS_SERVER_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpc/grpc_security_constants.h"
#include "grpcpp/grpcpp.h"
#include "octet/v1/identity.grpc.pb.h"

namespace octet::identity {

/// The certificate that the other side showed; empty: none.
inline std::string PeerCertificate(const grpc::AuthContext& connection) {
  const auto values = connection.FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  return values.empty() ? "" : std::string(values.front().data(), values.front().size());
}

/// Serves WhoAmI on a free port of 127.0.0.1 until its destruction.
class TlsServer {
 public:
  explicit TlsServer(const std::shared_ptr<grpc::ServerCredentials>& credentials) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", credentials, &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
  }
  ~TlsServer() { server_->Shutdown(); }

  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }

 private:
  struct Service : v1::IdentityService::Service {
    grpc::Status WhoAmI(grpc::ServerContext* context, const v1::WhoAmIRequest*,
                        v1::Principal* caller) override {
      const auto& metadata = context->client_metadata();
      if (const auto sent = metadata.find("authorization"); sent != metadata.end())
        caller->set_name(std::string(sent->second.data(), sent->second.size()));
      caller->set_team(PeerCertificate(*context->auth_context()));
      return grpc::Status::OK;
    }
  };

  int port_ = 0;
  Service service_;
  std::unique_ptr<grpc::Server> server_;
};

/// One call on a connection of its own.
struct Seen {
  grpc::Status status;
  std::string authorization;       // as the server got it
  std::string caller_certificate;  // as the server got it
  std::string server_certificate;  // as the caller got it
};

inline Seen CallOnce(const std::string& address,
                     const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  // Else a later call would take over an earlier one's connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto channel = grpc::CreateCustomChannel(address, credentials, arguments);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(30)));
  v1::Principal caller;
  const grpc::Status status =
      v1::IdentityService::NewStub(channel)->WhoAmI(&context, v1::WhoAmIRequest(), &caller);
  const auto connection = context.auth_context();
  return {status, caller.name(), caller.team(),
          connection == nullptr ? "" : PeerCertificate(*connection)};
}

}  // namespace octet::identity

#endif  // OCTET_TESTS_IDENTITY_TLS_SERVER_H_
