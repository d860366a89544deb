#include "client/up.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/connection.h"
#include "client/daemon.h"
#include "client/state_dir.h"
#include "common/files.h"
#include "common/grpc_status.h"
#include "common/status.h"
#include "octet/v1/nodes.grpc.pb.h"

namespace octet::client {
namespace {

constexpr absl::Duration kStopGrace = absl::Seconds(5);

/// Held while `up` works, so that two of them cannot start two clusters.
class UpLock {
 public:
  static absl::StatusOr<std::unique_ptr<UpLock>> Take(const StateDir& dir) {
    const std::string path = dir.root + "/up.lock";
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return ErrnoStatus("cannot open", path);
    std::unique_ptr<UpLock> lock(new UpLock(fd));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
      return absl::FailedPreconditionError(
          absl::StrCat("another `octet up` is starting a cluster in ", dir.root));
    return lock;
  }
  ~UpLock() { close(fd_); }
  UpLock(const UpLock&) = delete;
  UpLock& operator=(const UpLock&) = delete;

 private:
  explicit UpLock(int fd) : fd_(fd) {}
  const int fd_;
};

/// Stops what this call started, unless it went well.
class StopOnFailure {
 public:
  ~StopOnFailure() {
    for (auto daemon = started_.rbegin(); daemon != started_.rend(); ++daemon)
      (*daemon)->Stop(kStopGrace).IgnoreError();
  }
  void Add(Daemon& daemon) { started_.push_back(&daemon); }
  void Keep() { started_.clear(); }

 private:
  std::vector<Daemon*> started_;
};

std::vector<std::string> SchedulerArguments(const Context& context, const StateDir& dir,
                                            const UpOptions& options) {
  std::vector<std::string> argv = {context.program_dir + "/octet-scheduler",
                                   "--dir",
                                   dir.root,
                                   "--shared-filesystem",
                                   "--metrics",
                                   options.metrics,
                                   "--listen",
                                   dir.Server()};
  for (const std::string& address : options.listen) {
    argv.push_back("--listen");
    argv.push_back(address);
  }
  if (!options.tls.empty()) {
    argv.push_back("--tls");
    argv.push_back(std::filesystem::absolute(options.tls));
  }
  if (!options.config.empty()) {
    argv.push_back("--config");
    argv.push_back(std::filesystem::absolute(options.config));
  }
  return argv;
}

std::vector<std::string> AgentArguments(const Context& context, const StateDir& dir,
                                        const UpOptions& options) {
  std::vector<std::string> argv = {context.program_dir + "/octet-agent",
                                   "--dir",
                                   dir.AgentDir(),
                                   "--scheduler",
                                   dir.Server(),
                                   "--metrics",
                                   options.agent_metrics};
  if (!options.node.empty()) argv.insert(argv.end(), {"--node", options.node});
  if (options.cpu_slots > 0)
    argv.insert(argv.end(), {"--cpu-slots", absl::StrCat(options.cpu_slots)});
  return argv;
}

absl::Status DaemonEnded(const Daemon& daemon) {
  const std::string tail = daemon.LogTail(10);
  const std::string message = absl::StrCat("the ", daemon.name(), " did not start:\n", tail);
  const bool taken = absl::StrContains(tail, "in use") || absl::StrContains(tail, "already");
  return taken ? absl::FailedPreconditionError(message) : absl::InternalError(message);
}

absl::StatusOr<v1::ListNodesResponse> ListNodes(Context& context) {
  v1::ListNodesResponse response;
  grpc::ClientContext call;
  SetCallDeadline(call, absl::Seconds(2));
  const grpc::Status status =
      v1::NodeService::NewStub(context.Channel())->ListNodes(&call, {}, &response);
  if (!status.ok()) return FromGrpc(status);
  return response;
}

bool AnyReady(const v1::ListNodesResponse& nodes) {
  for (const v1::Node& node : nodes.nodes())
    if (node.state() == v1::NODE_STATE_READY) return true;
  return false;
}

constexpr std::chrono::milliseconds kLook(200);

// Until the scheduler lists a ready node, or a daemon ends, or time is up.
absl::Status WaitUntilReady(Context& context, const Daemon& scheduler, const Daemon& agent,
                            absl::Duration timeout) {
  const absl::Time end = context.clock.Now() + timeout;
  while (context.clock.Now() < end) {
    if (!scheduler.Running().has_value()) return DaemonEnded(scheduler);
    if (!agent.Running().has_value()) return DaemonEnded(agent);
    // Waits for the connection, and so paces this loop while there is none.
    if (!context.Channel()->WaitForConnected(std::chrono::system_clock::now() + kLook)) continue;
    const auto nodes = ListNodes(context);
    if (nodes.ok() && AnyReady(*nodes)) return absl::OkStatus();
    usleep(20'000);
  }
  return absl::DeadlineExceededError(
      absl::StrCat("the node was not ready within ", absl::FormatDuration(timeout),
                   "; the agent's last lines:\n", agent.LogTail(10)));
}

void Report(Context& context, const StateDir& dir, const Daemon& scheduler, const Daemon& agent) {
  const v1::ListNodesResponse nodes = ListNodes(context).value_or(v1::ListNodesResponse());
  context.out << "scheduler  pid " << scheduler.Running().value_or(0) << "  " << dir.Server()
              << "\n";
  context.out << "agent      pid " << agent.Running().value_or(0);
  for (const v1::Node& node : nodes.nodes()) {
    if (node.state() != v1::NODE_STATE_READY || node.slots().empty()) continue;
    context.out << "  node " << node.name() << ", " << node.slots_size() << " "
                << node.slots(0).resource() << (node.slots_size() == 1 ? " slot" : " slots");
  }
  context.out << "\n";
  context.err << "Ready. Next: octet submit JOB.yaml --follow\n";
}

}  // namespace

absl::Status Up(Context& context, const UpOptions& options) {
  const StateDir dir{context.dir};
  context.server = dir.Server();
  RETURN_IF_ERROR(MakeFolders(dir.root, 0700));
  ASSIGN_OR_RETURN(const auto lock, UpLock::Take(dir));
  Daemon scheduler(dir, "scheduler"), agent(dir, "agent");
  const auto scheduler_pid = scheduler.Running(), agent_pid = agent.Running();
  if (scheduler_pid.has_value() && agent_pid.has_value())
    return absl::FailedPreconditionError(
        absl::StrCat("a cluster is running in ", dir.root, " (scheduler pid ", *scheduler_pid,
                     ", agent pid ", *agent_pid, "); use it, or end it with `octet down`"));

  RETURN_IF_ERROR(CheckAddress(context.server));
  StopOnFailure started;
  if (!scheduler_pid.has_value()) {
    if (agent_pid.has_value()) context.err << "The scheduler had ended; starting it again.\n";
    RETURN_IF_ERROR(scheduler.Start(SchedulerArguments(context, dir, options)));
    started.Add(scheduler);
  }
  if (!agent_pid.has_value()) {
    if (scheduler_pid.has_value()) context.err << "The agent had ended; starting it again.\n";
    RETURN_IF_ERROR(agent.Start(AgentArguments(context, dir, options)));
    started.Add(agent);
  }
  RETURN_IF_ERROR(WaitUntilReady(context, scheduler, agent, options.timeout));
  started.Keep();
  Report(context, dir, scheduler, agent);
  return absl::OkStatus();
}

void AddUp(Commands& commands) {
  auto options = std::make_shared<UpOptions>();
  auto timeout = std::make_shared<double>(30);
  CLI::App* app = commands.Add("up", "Start scheduler and agent on this machine",
                               [=](Context& context) -> absl::StatusOr<int> {
                                 options->timeout = absl::Seconds(*timeout);
                                 RETURN_IF_ERROR(Up(context, *options));
                                 return kOk;
                               });
  app->add_option("--cpu-slots", options->cpu_slots,
                  "Offer so many CPU slots (default: GPUs where there are any, else one a core)")
      ->check(CLI::PositiveNumber);
  app->add_option("--node", options->node, "Name of this node (default: the host's name)");
  app->add_option("--listen", options->listen, "Listen on HOST:PORT too, with TLS");
  app->add_option("--tls", options->tls, "For --listen: the folder that `octet ca issue` made")
      ->check(CLI::ExistingDirectory);
  app->add_option("--config", options->config, "The scheduler's settings: teams, policies, ...")
      ->check(CLI::ExistingFile);
  app->add_option("--metrics", options->metrics, "Where the scheduler serves Prometheus metrics")
      ->capture_default_str();
  app->add_option("--agent-metrics", options->agent_metrics, "Where the agent does")
      ->capture_default_str();
  app->add_option("--timeout", *timeout, "Seconds to wait until the node is ready")
      ->capture_default_str();
}

}  // namespace octet::client
