#ifndef OCTET_SCHEDULER_SERVER_IDENTITY_SERVICE_H_
#define OCTET_SCHEDULER_SERVER_IDENTITY_SERVICE_H_

#include "octet/v1/identity.grpc.pb.h"
#include "scheduler/server/audit_log.h"
#include "scheduler/server/controller.h"
#include "scheduler/server/gate.h"
#include "scheduler/server/node_book.h"
#include "scheduler/server/token_book.h"

namespace octet::scheduler {

/// As identity.proto says. Everything it is given must outlive it.
class IdentityService final : public v1::IdentityService::Service {
 public:
  IdentityService(const Gate& gate, Controller& controller, TokenBook& tokens, NodeBook& nodes,
                  const AuditLog& audit)
      : gate_(gate), controller_(controller), tokens_(tokens), nodes_(nodes), audit_(audit) {}

  grpc::Status WhoAmI(grpc::ServerContext* context, const v1::WhoAmIRequest* request,
                      v1::Principal* response) override;
  grpc::Status CreateToken(grpc::ServerContext* context, const v1::CreateTokenRequest* request,
                           v1::CreateTokenResponse* response) override;
  grpc::Status ListTokens(grpc::ServerContext* context, const v1::ListTokensRequest* request,
                          v1::ListTokensResponse* response) override;
  grpc::Status RevokeToken(grpc::ServerContext* context, const v1::RevokeTokenRequest* request,
                           v1::Token* response) override;
  grpc::Status JoinNode(grpc::ServerContext* context, const v1::JoinNodeRequest* request,
                        v1::NodeCertificate* response) override;
  grpc::Status RenewNode(grpc::ServerContext* context, const v1::RenewNodeRequest* request,
                         v1::NodeCertificate* response) override;
  grpc::Status RevokeNode(grpc::ServerContext* context, const v1::RevokeNodeRequest* request,
                          v1::RevokeNodeResponse* response) override;
  grpc::Status ListAudit(grpc::ServerContext* context, const v1::ListAuditRequest* request,
                         v1::ListAuditResponse* response) override;

 private:
  const Gate& gate_;
  Controller& controller_;
  TokenBook& tokens_;
  NodeBook& nodes_;
  const AuditLog& audit_;
};

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_IDENTITY_SERVICE_H_
