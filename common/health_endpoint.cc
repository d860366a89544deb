#include "common/health_endpoint.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/health_check_service_interface.h"

namespace octet {
namespace {

constexpr char kReady[] = "ready";

}  // namespace

absl::StatusOr<std::unique_ptr<HealthEndpoint>> HealthEndpoint::Start(const std::string& address) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  int port = 0;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  std::unique_ptr<HealthEndpoint> endpoint(new HealthEndpoint);
  // gRPC's own health service does not count as one that needs threads.
  builder.RegisterCallbackGenericService(&endpoint->others_);
  endpoint->server_ = builder.BuildAndStart();
  if (endpoint->server_ == nullptr || port == 0)
    return absl::UnavailableError(absl::StrCat("--health: cannot listen on ", address,
                                               ": is it in use? Port 0 lets the kernel pick"));
  endpoint->address_ = absl::StrCat(address.substr(0, address.rfind(':')), ":", port);
  endpoint->SetReady(false);
  return endpoint;
}

HealthEndpoint::~HealthEndpoint() {
  // A probe that watches does not keep the process from its end.
  if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
}

void HealthEndpoint::SetReady(bool ready) {
  server_->GetHealthCheckService()->SetServingStatus(kReady, ready);
}

}  // namespace octet
