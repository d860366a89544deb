#include "scheduler/server/identity_service.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "scheduler/server/handler.h"

namespace octet::scheduler {
namespace {

constexpr int kDefaultPage = 100, kMostPage = 1000;

}  // namespace

grpc::Status IdentityService::WhoAmI(grpc::ServerContext* context, const v1::WhoAmIRequest* request,
                                     v1::Principal* response) {
  return Answer(gate_, *context, "IdentityService/WhoAmI", *request,
                [&](const v1::Principal& caller) {
                  *response = caller;
                  return absl::OkStatus();
                });
}

grpc::Status IdentityService::CreateToken(grpc::ServerContext* context,
                                          const v1::CreateTokenRequest* request,
                                          v1::CreateTokenResponse* response) {
  return Answer(gate_, *context, "IdentityService/CreateToken", *request,
                [&](const v1::Principal& caller) -> absl::Status {
                  ASSIGN_OR_RETURN(*response, tokens_.Create(*request, caller));
                  return absl::OkStatus();
                });
}

grpc::Status IdentityService::ListTokens(grpc::ServerContext* context,
                                         const v1::ListTokensRequest* request,
                                         v1::ListTokensResponse* response) {
  return Answer(gate_, *context, "IdentityService/ListTokens", *request,
                [&](const v1::Principal& caller) {
                  for (v1::Token& token : tokens_.List(caller))
                    *response->add_tokens() = std::move(token);
                  return absl::OkStatus();
                });
}

grpc::Status IdentityService::RevokeToken(grpc::ServerContext* context,
                                          const v1::RevokeTokenRequest* request,
                                          v1::Token* response) {
  return Answer(gate_, *context, "IdentityService/RevokeToken", *request,
                [&](const v1::Principal& caller) -> absl::Status {
                  ASSIGN_OR_RETURN(*response, tokens_.Revoke(request->token_id(), caller));
                  return absl::OkStatus();
                });
}

grpc::Status IdentityService::JoinNode(grpc::ServerContext* context,
                                       const v1::JoinNodeRequest* request,
                                       v1::NodeCertificate* response) {
  return Answer(gate_, *context, "IdentityService/JoinNode", *request,
                [&](const v1::Principal&) -> absl::Status {
                  ASSIGN_OR_RETURN(*response, nodes_.Join(*request));
                  return absl::OkStatus();
                });
}

grpc::Status IdentityService::RenewNode(grpc::ServerContext* context,
                                        const v1::RenewNodeRequest* request,
                                        v1::NodeCertificate* response) {
  return Answer(
      gate_, *context, "IdentityService/RenewNode", *request,
      [&](const v1::Principal& caller) -> absl::Status {
        if (caller.role() != v1::ROLE_NODE)
          return absl::FailedPreconditionError(
              "only a node that has a certificate renews it; on a Unix socket there is none");
        ASSIGN_OR_RETURN(*response, nodes_.Renew(caller.name(), request->certificate_request()));
        return absl::OkStatus();
      });
}

grpc::Status IdentityService::RevokeNode(grpc::ServerContext* context,
                                         const v1::RevokeNodeRequest* request,
                                         v1::RevokeNodeResponse*) {
  return Answer(gate_, *context, "IdentityService/RevokeNode", *request,
                [&](const v1::Principal& caller) -> absl::Status {
                  RETURN_IF_ERROR(nodes_.Revoke(request->node()));
                  controller_.CloseAgent(
                      request->node(),
                      absl::UnauthenticatedError(
                          absl::StrCat("node ", request->node(), " was shut out by ", caller.name(),
                                       request->reason().empty() ? "" : ": ", request->reason())));
                  return absl::OkStatus();
                });
}

grpc::Status IdentityService::ListAudit(grpc::ServerContext* context,
                                        const v1::ListAuditRequest* request,
                                        v1::ListAuditResponse* response) {
  return Answer(
      gate_, *context, "IdentityService/ListAudit", *request,
      [&](const v1::Principal&) -> absl::Status {
        if (request->page_size() < 0)
          return absl::InvalidArgumentError("page_size: is less than 0");
        const int size =
            request->page_size() == 0 ? kDefaultPage : std::min(request->page_size(), kMostPage);
        ASSIGN_OR_RETURN(const auto matches, ParseAuditFilter(request->filter()));
        ASSIGN_OR_RETURN(const std::vector<v1::AuditEntry> entries, audit_.List(matches, size));
        response->mutable_entries()->Add(entries.begin(), entries.end());
        return absl::OkStatus();
      });
}

}  // namespace octet::scheduler
