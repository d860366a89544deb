// octet-scheduler: serves the API and schedules jobs until SIGTERM.
#include <pthread.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "common/log.h"
#include "common/version.h"
#include "scheduler/server/options.h"
#include "scheduler/server/server.h"

namespace {

using octet::scheduler::Options;

constexpr int kExitUsage = 2;

// A flag that takes a duration such as 2s or 500ms.
void AddDuration(CLI::App& app, const std::string& flag, absl::Duration& value,
                 const std::string& help) {
  app.add_option_function<std::string>(
         flag,
         [&value, flag](const std::string& text) {
           if (!absl::ParseDuration(text, &value))
             throw CLI::ValidationError(flag,
                                        "\"" + text + "\" is not a duration; write 2s or 500ms");
         },
         help)
      ->default_str(absl::FormatDuration(value));
}

void AddFlags(CLI::App& app, Options& options) {
  app.add_option("--dir", options.dir, "Folder that the scheduler keeps everything in")->required();
  app.add_option("--listen", options.listen,
                 "unix:PATH, or host:port with TLS, port 0 for any; may be repeated (default: "
                 "unix:DIR/scheduler.sock)");
  app.add_option("--tls", options.tls,
                 "Folder with ca.crt, scheduler.crt and scheduler.key, and ca.key where nodes are "
                 "to join; see `octet ca`");
  app.add_option("--health", options.health,
                 "host:port of gRPC's health service alone, without TLS, for probes");
  app.add_flag("--shared-filesystem", options.shared_filesystem,
               "Nodes see this machine's files: check paths in jobs at submit");
  app.add_option("--metrics", options.metrics, "host:port for Prometheus, port 0 for any");
  AddDuration(app, "--heartbeat-timeout", options.heartbeat_timeout,
              "A node that is silent for longer is lost");
  AddDuration(app, "--heartbeat-interval", options.heartbeat_interval,
              "How often agents are to be heard");
  app.add_option("--most-changes", options.most_changes,
                 "Calls that change something and are under way at once; more are refused")
      ->capture_default_str();
  app.add_option("--config", options.config, "YAML file with teams and policies");
  app.add_option("--catalog", options.catalog,
                 "Folder with edge targets (default: those that were built in)");
  app.set_version_flag("--version", octet::Version());
}

// Blocked before any thread starts, so that all of them inherit it and only
// sigwait sees these signals.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

}  // namespace

int main(int argc, char** argv) {
  octet::InitLog("octet-scheduler");
  Options options;
  CLI::App app("Octet's scheduler: takes jobs, gives them to nodes, keeps what they leave.");
  AddFlags(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }

  const sigset_t signals = BlockStopSignals();
  umask(0077);
  auto server = octet::scheduler::Server::Start(options);
  if (!server.ok()) {
    spdlog::error("{}", std::string(server.status().message()));
    return 1;
  }
  if (!(*server)->metrics_address().empty())
    std::printf("metrics on %s\n", (*server)->metrics_address().c_str());
  if (!(*server)->health_address().empty())
    std::printf("health on %s\n", (*server)->health_address().c_str());
  std::printf("listening on %s\n", absl::StrJoin((*server)->addresses(), ", ").c_str());
  std::fflush(stdout);

  int signal = 0;
  sigwait(&signals, &signal);
  spdlog::info("{}: closing", strsignal(signal));
  return 0;
}
