#include "worker/agent/rank_service.h"

#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/files.h"
#include "common/grpc_status.h"
#include "common/status.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"
#include "worker/isolation/attempt_key.h"

namespace octet::agent {
namespace {

// Also of calls without a deadline of their own.
constexpr absl::Duration kLongestWait = absl::Hours(1);

}  // namespace

grpc::Status RankService::OpenRendezvous(grpc::ServerContext* context,
                                         const v1::OpenRendezvousRequest* request,
                                         v1::OpenRendezvousResponse*) {
  auto attempt = Find(*context, request->ref());
  if (!attempt.ok()) return ToGrpc(attempt.status());
  return ToGrpc((*attempt)->OpenRendezvous(request->port()));
}

grpc::Status RankService::GetRendezvous(grpc::ServerContext* context,
                                        const v1::GetRendezvousRequest* request,
                                        v1::GetRendezvousResponse* response) {
  auto attempt = Find(*context, request->ref());
  if (!attempt.ok()) return ToGrpc(attempt.status());
  auto endpoint = (*attempt)->GetRendezvous(
      std::min(absl::FromChrono(context->deadline()), absl::Now() + kLongestWait));
  if (!endpoint.ok()) return ToGrpc(endpoint.status());
  response->set_endpoint(*std::move(endpoint));
  return grpc::Status::OK;
}

grpc::Status RankService::Report(grpc::ServerContext* context, const v1::RankReport* request,
                                 v1::RankReportResponse*) {
  auto attempt = Find(*context, request->ref());
  if (!attempt.ok()) return ToGrpc(attempt.status());
  return ToGrpc((*attempt)->HandleReport(*request));
}

absl::StatusOr<std::shared_ptr<Attempt>> RankService::Find(const grpc::ServerContext& context,
                                                           const v1::RankRef& ref) const {
  auto attempt = find_({ref.job_id(), ref.attempt()});
  if (attempt == nullptr)
    return absl::FailedPreconditionError(
        absl::StrCat("attempt ", ref.attempt(), " of job ", ref.job_id(), " does not run here"));
  const auto key = context.client_metadata().find(isolation::kAttemptKeyMetadata);
  if (key == context.client_metadata().end() ||
      !attempt->HasKey({key->second.data(), key->second.size()}))
    return absl::PermissionDeniedError(
        absl::StrCat("only ranks of attempt ", ref.attempt(), " of job ", ref.job_id(),
                     " speak for it: the call carries another key, or none"));
  return attempt;
}

absl::StatusOr<std::unique_ptr<grpc::Server>> ServeRanks(RankService* service,
                                                         const std::string& path,
                                                         bool for_other_users) {
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is too long for a Unix socket (", sizeof(sockaddr_un::sun_path) - 1,
                     " characters at most); give --dir a shorter path"));
  grpc::ServerBuilder builder;
  // gRPC would let two servers share a TCP port; a socket's path is ours alone
  // because the folder is locked.
  builder.AddListeningPort("unix:" + path, grpc::InsecureServerCredentials());
  builder.RegisterService(service);
  const mode_t before = umask(for_other_users ? 0111 : 0177);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  umask(before);
  if (server == nullptr)
    return absl::UnavailableError(absl::StrCat("cannot listen on unix:", path));
  return server;
}

}  // namespace octet::agent
