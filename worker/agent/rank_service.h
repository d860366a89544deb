// Answers the ranks of this node.
#ifndef OCTET_WORKER_AGENT_RANK_SERVICE_H_
#define OCTET_WORKER_AGENT_RANK_SERVICE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "grpcpp/server.h"
#include "octet/v1/ranks.grpc.pb.h"
#include "worker/agent/attempt.h"
#include "worker/agent/attempt_ref.h"

namespace octet::agent {

/// Finds an attempt that runs here; null: none does.
using AttemptFinder = std::function<std::shared_ptr<Attempt>(const AttemptKey&)>;

/// Every call carries its attempt's key (isolation::kAttemptKeyMetadata): all
/// jobs of the node may reach the socket. PERMISSION_DENIED: another's, or none.
class RankService final : public v1::RankService::Service {
 public:
  explicit RankService(AttemptFinder find) : find_(std::move(find)) {}

  grpc::Status OpenRendezvous(grpc::ServerContext* context,
                              const v1::OpenRendezvousRequest* request,
                              v1::OpenRendezvousResponse* response) override;
  grpc::Status GetRendezvous(grpc::ServerContext* context, const v1::GetRendezvousRequest* request,
                             v1::GetRendezvousResponse* response) override;
  grpc::Status Report(grpc::ServerContext* context, const v1::RankReport* request,
                      v1::RankReportResponse* response) override;

 private:
  absl::StatusOr<std::shared_ptr<Attempt>> Find(const grpc::ServerContext& context,
                                                const v1::RankRef& ref) const;

  const AttemptFinder find_;
};

/// Serves on the Unix socket `path`, which only this user can open (0600), or
/// all can where ranks are other users. INVALID_ARGUMENT: the path is too long
/// for a socket.
absl::StatusOr<std::unique_ptr<grpc::Server>> ServeRanks(RankService* service,
                                                         const std::string& path,
                                                         bool for_other_users);

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_RANK_SERVICE_H_
