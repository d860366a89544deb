#include "scheduler/server/server.h"

#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "catalog/catalog.h"
#include "common/status.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/grpcpp.h"
#include "scheduler/server/admission.h"
#include "scheduler/server/agent_service.h"
#include "scheduler/server/artifact_service.h"
#include "scheduler/server/artifact_store.h"
#include "scheduler/server/config.h"
#include "scheduler/server/controller.h"
#include "scheduler/server/dir_lock.h"
#include "scheduler/server/event_service.h"
#include "scheduler/server/identity.h"
#include "scheduler/server/job_service.h"
#include "scheduler/server/listen.h"
#include "scheduler/server/log_service.h"
#include "scheduler/server/log_store.h"
#include "scheduler/server/metrics.h"
#include "scheduler/server/node_service.h"

namespace octet::scheduler {
namespace {

// Calls that are under way at the end have so long to finish.
constexpr std::chrono::milliseconds kShutdownGrace(250);

absl::StatusOr<JobSpecRules> RulesOf(const Options& options) {
  JobSpecRules rules{.shared_filesystem = options.shared_filesystem};
  if (options.catalog.empty()) {
    rules.targets = catalog::BuiltinCatalog().TargetNames();
  } else {
    ASSIGN_OR_RETURN(const catalog::Catalog loaded, catalog::LoadCatalog(options.catalog));
    rules.targets = loaded.TargetNames();
  }
  return rules;
}

class ServerImpl final : public Server {
 public:
  static absl::StatusOr<std::unique_ptr<Server>> Start(Options options,
                                                       ServerDependencies dependencies);
  ~ServerImpl() override;

  const std::vector<std::string>& addresses() const override { return addresses_; }
  const std::string& metrics_address() const override { return metrics_address_; }

 private:
  ServerImpl(const Options& options, DirLock lock)
      : lock_(std::move(lock)),
        admission_(options.most_changes),
        logs_(options.dir + "/logs"),
        artifacts_(options.dir + "/artifacts") {}

  absl::Status OpenController(const Options& options, ServerDependencies dependencies);
  absl::Status ServeMetrics(const std::string& address);
  absl::Status Listen(const std::vector<std::string>& addresses, JobSpecRules rules);

  // In the order of who needs whom: destroyed from the bottom up.
  const DirLock lock_;
  const LocalUser authenticator_;
  Admission admission_;
  LogStore logs_;
  ArtifactStore artifacts_;
  std::shared_ptr<Metrics> metrics_ = std::make_shared<Metrics>();
  std::unique_ptr<Store> store_;
  std::unique_ptr<Controller> controller_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<MetricsEndpoint> metrics_endpoint_;
  std::unique_ptr<grpc::Server> server_;
  std::vector<std::string> addresses_;
  std::string metrics_address_;
};

absl::StatusOr<std::unique_ptr<Server>> ServerImpl::Start(Options options,
                                                          ServerDependencies dependencies) {
  if (options.listen.empty())
    options.listen = {absl::StrCat("unix:", options.dir, "/scheduler.sock")};
  RETURN_IF_ERROR(ValidateOptions(options));
  ASSIGN_OR_RETURN(JobSpecRules rules, RulesOf(options));
  ASSIGN_OR_RETURN(DirLock lock, DirLock::Take(options.dir));
  std::unique_ptr<ServerImpl> server(new ServerImpl(options, std::move(lock)));
  RETURN_IF_ERROR(server->OpenController(options, std::move(dependencies)));
  if (!options.metrics.empty()) RETURN_IF_ERROR(server->ServeMetrics(options.metrics));
  RETURN_IF_ERROR(server->Listen(options.listen, std::move(rules)));
  return server;
}

ServerImpl::~ServerImpl() {
  metrics_->Detach();
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now() + kShutdownGrace);
  server_->Wait();
}

absl::Status ServerImpl::OpenController(const Options& options, ServerDependencies dependencies) {
  store_ = std::move(dependencies.store);
  if (store_ == nullptr) {
    ASSIGN_OR_RETURN(store_, OpenSqliteStore(options.dir + "/scheduler.db"));
  }
  Controller::Options controller{.heartbeat_timeout = options.heartbeat_timeout,
                                 .heartbeat_interval = options.heartbeat_interval};
  if (!options.config.empty()) {
    ASSIGN_OR_RETURN(controller.core, LoadConfig(options.config));
  }
  ASSIGN_OR_RETURN(controller_,
                   Controller::Open(controller, *store_, *metrics_, *dependencies.clock));
  metrics_->Attach([controller = controller_.get()] { return controller->Figures(); });
  return absl::OkStatus();
}

absl::Status ServerImpl::ServeMetrics(const std::string& address) {
  ASSIGN_OR_RETURN(metrics_endpoint_, MetricsEndpoint::Start(address, metrics_));
  metrics_address_ = metrics_endpoint_->address();
  return absl::OkStatus();
}

absl::Status ServerImpl::Listen(const std::vector<std::string>& addresses, JobSpecRules rules) {
  services_.push_back(
      std::make_unique<JobService>(authenticator_, *controller_, admission_, std::move(rules)));
  services_.push_back(std::make_unique<NodeService>(authenticator_, *controller_));
  services_.push_back(
      std::make_unique<AgentService>(authenticator_, *controller_, logs_, artifacts_));
  services_.push_back(std::make_unique<LogService>(authenticator_, *controller_, logs_));
  services_.push_back(std::make_unique<ArtifactService>(authenticator_, *controller_, artifacts_));
  services_.push_back(std::make_unique<EventService>(authenticator_, *controller_));

  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  // Otherwise two schedulers could share a port without a word.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  std::vector<int> ports(addresses.size(), 0);
  for (size_t i = 0; i < addresses.size(); ++i) {
    RETURN_IF_ERROR(PrepareListenAddress(addresses[i]));
    builder.AddListeningPort(addresses[i], grpc::InsecureServerCredentials(), &ports[i]);
  }
  for (const auto& service : services_) builder.RegisterService(service.get());
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> interceptors;
  interceptors.push_back(std::make_unique<RpcTimerFactory>(metrics_));
  builder.experimental().SetInterceptorCreators(std::move(interceptors));
  server_ = builder.BuildAndStart();
  for (size_t i = 0; i < addresses.size(); ++i) {
    if (server_ == nullptr && ports[i] == 0)
      return absl::UnavailableError(absl::StrCat("cannot listen on ", addresses[i],
                                                 ": is it in use? Port 0 lets the kernel pick"));
    RETURN_IF_ERROR(ProtectListenAddress(addresses[i]));
    addresses_.push_back(
        absl::StartsWith(addresses[i], "unix:")
            ? addresses[i]
            : absl::StrCat(addresses[i].substr(0, addresses[i].rfind(':')), ":", ports[i]));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Options& options,
                                                      ServerDependencies dependencies) {
  return ServerImpl::Start(options, std::move(dependencies));
}

}  // namespace octet::scheduler
