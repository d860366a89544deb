#include "scheduler/server/server.h"

#include <filesystem>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "catalog/catalog.h"
#include "common/health_endpoint.h"
#include "common/status.h"
#include "grpcpp/grpcpp.h"
#include "identity/tls.h"
#include "scheduler/config/config.h"
#include "scheduler/server/admission.h"
#include "scheduler/server/agent_service.h"
#include "scheduler/server/artifact_service.h"
#include "scheduler/server/artifact_store.h"
#include "scheduler/server/audit_log.h"
#include "scheduler/server/authenticator.h"
#include "scheduler/server/controller.h"
#include "scheduler/server/dir_lock.h"
#include "scheduler/server/event_service.h"
#include "scheduler/server/gate.h"
#include "scheduler/server/identity_service.h"
#include "scheduler/server/job_service.h"
#include "scheduler/server/listen.h"
#include "scheduler/server/log_service.h"
#include "scheduler/server/log_store.h"
#include "scheduler/server/metrics.h"
#include "scheduler/server/node_book.h"
#include "scheduler/server/node_service.h"
#include "scheduler/server/token_book.h"

namespace octet::scheduler {
namespace {

// Calls that are under way at the end have so long to finish.
constexpr std::chrono::milliseconds kShutdownGrace(250);
// A certificate that has ended, or whose authority has, is of use for no longer.
constexpr int kOldestConnectionMs = 60 * 60 * 1000;
constexpr int kConnectionGraceMs = 60 * 1000;

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
  const std::string& health_address() const override { return health_address_; }

 private:
  ServerImpl(const Options& options, DirLock lock)
      : lock_(std::move(lock)),
        admission_(options.most_changes),
        logs_(options.dir + "/logs"),
        artifacts_(options.dir + "/artifacts") {}

  absl::Status OpenController(const Options& options, ServerDependencies dependencies);
  absl::Status OpenGate(const Options& options, const Clock& clock);
  absl::Status ServeMetrics(const std::string& address);
  void AddServices(JobSpecRules rules);
  absl::Status Listen(const Options& options);
  absl::Status NoteAddresses(const std::vector<std::string>& wanted, const std::vector<int>& ports);

  // In the order of who needs whom: destroyed from the bottom up.
  const DirLock lock_;
  Admission admission_;
  LogStore logs_;
  ArtifactStore artifacts_;
  std::shared_ptr<Metrics> metrics_ = std::make_shared<Metrics>();
  std::unique_ptr<Store> store_;
  std::unique_ptr<Controller> controller_;
  std::unique_ptr<TokenBook> tokens_;
  std::unique_ptr<NodeBook> nodes_;
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<Gate> gate_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<MetricsEndpoint> metrics_endpoint_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<HealthEndpoint> health_;
  std::vector<std::string> addresses_;
  std::string metrics_address_, health_address_;
};

absl::StatusOr<std::unique_ptr<Server>> ServerImpl::Start(Options options,
                                                          ServerDependencies dependencies) {
  if (options.listen.empty())
    options.listen = {absl::StrCat("unix:", options.dir, "/scheduler.sock")};
  RETURN_IF_ERROR(ValidateOptions(options));
  ASSIGN_OR_RETURN(JobSpecRules rules, RulesOf(options));
  ASSIGN_OR_RETURN(DirLock lock, DirLock::Take(options.dir));
  std::unique_ptr<ServerImpl> server(new ServerImpl(options, std::move(lock)));
  const Clock& clock = *dependencies.clock;
  RETURN_IF_ERROR(server->OpenController(options, std::move(dependencies)));
  RETURN_IF_ERROR(server->OpenGate(options, clock));
  if (!options.metrics.empty()) RETURN_IF_ERROR(server->ServeMetrics(options.metrics));
  server->AddServices(std::move(rules));
  RETURN_IF_ERROR(server->Listen(options));
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

// Nodes join and renew where the authority's key is, which need not be here.
absl::StatusOr<std::optional<identity::CertificateAuthority>> LoadAuthority(
    const std::string& tls) {
  const identity::TlsFolder folder{tls};
  std::error_code ignored;
  if (tls.empty() || !std::filesystem::exists(folder.authority_key(), ignored)) return std::nullopt;
  ASSIGN_OR_RETURN(const identity::KeyPair pair,
                   identity::ReadKeyPair(folder.authority(), folder.authority_key()));
  return identity::CertificateAuthority::Load(pair);
}

absl::Status ServerImpl::OpenGate(const Options& options, const Clock& clock) {
  ASSIGN_OR_RETURN(tokens_, TokenBook::Open(*store_, clock));
  ASSIGN_OR_RETURN(auto authority, LoadAuthority(options.tls));
  ASSIGN_OR_RETURN(nodes_, NodeBook::Open(*store_, *tokens_, std::move(authority), clock));
  ASSIGN_OR_RETURN(audit_, AuditLog::Open(options.dir));
  authenticator_ = std::make_unique<CallerCheck>(*tokens_, *nodes_);
  gate_ = std::make_unique<Gate>(*authenticator_, *controller_, *audit_, clock);
  return absl::OkStatus();
}

void ServerImpl::AddServices(JobSpecRules rules) {
  services_.push_back(
      std::make_unique<JobService>(*gate_, *controller_, admission_, std::move(rules)));
  services_.push_back(std::make_unique<NodeService>(*gate_, *controller_));
  services_.push_back(std::make_unique<AgentService>(*gate_, *controller_, logs_, artifacts_));
  services_.push_back(std::make_unique<LogService>(*gate_, *controller_, logs_));
  services_.push_back(std::make_unique<ArtifactService>(*gate_, *controller_, artifacts_));
  services_.push_back(std::make_unique<EventService>(*gate_, *controller_));
  services_.push_back(
      std::make_unique<IdentityService>(*gate_, *controller_, *tokens_, *nodes_, *audit_));
}

absl::Status ServerImpl::Listen(const Options& options) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  // Otherwise two schedulers could share a port without a word.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  std::shared_ptr<grpc::ServerCredentials> tls;
  if (!options.tls.empty()) {
    ASSIGN_OR_RETURN(tls, identity::SchedulerCredentials({options.tls}));
    // Certificates are looked at when a connection begins.
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, kOldestConnectionMs);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, kConnectionGraceMs);
  }
  std::vector<int> ports(options.listen.size(), 0);
  for (size_t i = 0; i < ports.size(); ++i) {
    RETURN_IF_ERROR(PrepareListenAddress(options.listen[i]));
    builder.AddListeningPort(
        options.listen[i],
        IsUnixSocket(options.listen[i]) ? grpc::InsecureServerCredentials() : tls, &ports[i]);
  }
  for (const auto& service : services_) builder.RegisterService(service.get());
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> interceptors;
  interceptors.push_back(std::make_unique<RpcTimerFactory>(metrics_));
  builder.experimental().SetInterceptorCreators(std::move(interceptors));
  server_ = builder.BuildAndStart();
  RETURN_IF_ERROR(NoteAddresses(options.listen, ports));
  if (options.health.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(health_, HealthEndpoint::Start(options.health));
  health_address_ = health_->address();
  health_->SetReady(true);
  return absl::OkStatus();
}

absl::Status ServerImpl::NoteAddresses(const std::vector<std::string>& wanted,
                                       const std::vector<int>& ports) {
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (server_ == nullptr && ports[i] == 0)
      return absl::UnavailableError(absl::StrCat("cannot listen on ", wanted[i],
                                                 ": is it in use? Port 0 lets the kernel pick"));
    RETURN_IF_ERROR(ProtectListenAddress(wanted[i]));
    addresses_.push_back(
        IsUnixSocket(wanted[i])
            ? wanted[i]
            : absl::StrCat(wanted[i].substr(0, wanted[i].rfind(':')), ":", ports[i]));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Options& options,
                                                      ServerDependencies dependencies) {
  return ServerImpl::Start(options, std::move(dependencies));
}

}  // namespace octet::scheduler
