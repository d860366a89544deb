#include "worker/agent/membership.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/files.h"
#include "common/grpc_status.h"
#include "common/log.h"
#include "common/status.h"
#include "grpcpp/create_channel.h"
#include "octet/v1/identity.grpc.pb.h"
#include "worker/agent/session.h"

namespace octet::agent {
namespace {

constexpr absl::Duration kCallDeadline = absl::Seconds(10);
constexpr absl::Duration kJoinPatience = absl::Seconds(30);
// After a refusal, which another try at once would not change.
constexpr absl::Duration kAfterRefusal = absl::Minutes(1);

// A key and the request that asks for a certificate of it.
struct NewKey {
  std::string key, request;
};

absl::StatusOr<NewKey> MakeKey() {
  NewKey made{.key = identity::GenerateKey()};
  ASSIGN_OR_RETURN(made.request, identity::RequestCertificate(made.key));
  return made;
}

// True: there is a certificate to go on with.
absl::StatusOr<bool> HasCertificate(const identity::TlsFolder& folder, const std::string& node) {
  const auto pem = ReadFile(folder.node());
  if (absl::IsNotFound(pem.status())) return false;
  RETURN_IF_ERROR(pem.status());
  const auto certificate = identity::ReadCertificate(*pem);
  RETURN_IF_ERROR(Annotate(certificate.status(), folder.node()));
  if (certificate->node != node)
    return absl::FailedPreconditionError(
        absl::StrCat(folder.node(), ": is the certificate of node ", certificate->node,
                     ", and this one is ", node, "; give --node or another --tls folder"));
  return certificate->end > absl::Now();
}

absl::StatusOr<std::string> ReadToken(const AgentOptions& options) {
  if (options.join_token_file.empty())
    return absl::FailedPreconditionError(
        absl::StrCat("node ", options.node, " has no certificate that holds in ", options.tls,
                     ": give --join-token-file with a token from `octet token create --join`"));
  ASSIGN_OR_RETURN(const std::string text, ReadFile(options.join_token_file));
  return std::string(absl::StripAsciiWhitespace(text));
}

absl::StatusOr<v1::NodeCertificate> CallJoin(const AgentOptions& options,
                                             const v1::JoinNodeRequest& request) {
  ASSIGN_OR_RETURN(const std::string authority,
                   ReadFile(identity::TlsFolder{options.tls}.authority()));
  ASSIGN_OR_RETURN(const auto credentials, identity::CallerCredentials(authority));
  const auto channel = DialScheduler(options.scheduler, credentials);
  const auto stub = v1::IdentityService::NewStub(channel);
  if (!channel->WaitForConnected(absl::ToChronoTime(absl::Now() + kJoinPatience)))
    return absl::UnavailableError(absl::StrCat(
        "cannot reach a scheduler of this authority at ", options.scheduler,
        ": is it up, is this the name in its certificate, and is ca.crt its authority's?"));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kCallDeadline));
  v1::NodeCertificate certificate;
  RETURN_IF_ERROR(FromGrpc(stub->JoinNode(&context, request, &certificate)));
  return certificate;
}

absl::Status Join(const AgentOptions& options, const identity::TlsFolder& folder) {
  v1::JoinNodeRequest request;
  ASSIGN_OR_RETURN(*request.mutable_join_token(), ReadToken(options));
  ASSIGN_OR_RETURN(const NewKey made, MakeKey());
  request.set_node(options.node);
  request.set_certificate_request(made.request);
  ASSIGN_OR_RETURN(const v1::NodeCertificate certificate, CallJoin(options, request));
  spdlog::info("node {} has joined the cluster", options.node);
  return identity::WriteKeyPair(folder.node(), folder.node_key(),
                                {certificate.certificate(), made.key});
}

}  // namespace

absl::Time RenewalTime(const identity::CertificateInfo& certificate) {
  return certificate.issued + (certificate.end - certificate.issued) * 2 / 3;
}

absl::StatusOr<std::unique_ptr<Membership>> Membership::Open(const AgentOptions& options) {
  if (absl::StartsWith(options.scheduler, "unix:"))
    return std::unique_ptr<Membership>(new Membership(
        options, DialScheduler(options.scheduler, grpc::InsecureChannelCredentials())));
  if (options.tls.empty())
    return absl::FailedPreconditionError(absl::StrCat(
        "--scheduler ", options.scheduler, ": needs --tls DIR with the authority's ca.crt"));
  const identity::TlsFolder folder{options.tls};
  ASSIGN_OR_RETURN(const bool has, HasCertificate(folder, options.node));
  if (!has) RETURN_IF_ERROR(Join(options, folder));
  ASSIGN_OR_RETURN(const auto credentials, identity::NodeCredentials(folder));
  std::unique_ptr<Membership> membership(
      new Membership(options, DialScheduler(options.scheduler, credentials)));
  membership->renewer_ = std::thread([m = membership.get()] { m->KeepRenewing(); });
  return membership;
}

Membership::~Membership() {
  stop_.Cancel();
  if (renewer_.joinable()) renewer_.join();
}

void Membership::KeepRenewing() {
  absl::Time next = absl::InfinitePast();
  for (;;) {
    const auto pem = ReadFile(folder_.node());
    const auto certificate = pem.ok() ? identity::ReadCertificate(*pem)
                                      : absl::StatusOr<identity::CertificateInfo>(pem.status());
    if (certificate.ok()) next = std::max(next, RenewalTime(*certificate));
    if (stop_.WaitFor(next - absl::Now())) return;
    const absl::Status renewed = Renew();
    if (stop_.cancelled()) return;
    next = renewed.ok() ? absl::InfinitePast() : absl::Now() + kAfterRefusal;
    if (renewed.ok()) {
      spdlog::info("the certificate of node {} is renewed", node_);
    } else {
      spdlog::error("cannot renew the certificate of node {}: {}", node_,
                    std::string(renewed.message()));
    }
  }
}

absl::Status Membership::Renew() {
  ASSIGN_OR_RETURN(const NewKey made, MakeKey());
  v1::RenewNodeRequest request;
  request.set_certificate_request(made.request);
  v1::NodeCertificate certificate;
  const auto stub = v1::IdentityService::NewStub(scheduler_);
  RETURN_IF_ERROR(CallUntilAnswered(&stop_, kCallDeadline, [&](grpc::ClientContext* context) {
    return FromGrpc(stub->RenewNode(context, request, &certificate));
  }));
  return identity::WriteKeyPair(folder_.node(), folder_.node_key(),
                                {certificate.certificate(), made.key});
}

}  // namespace octet::agent
