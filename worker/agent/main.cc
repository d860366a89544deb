// octet-agent: runs this node's part of the cluster's jobs.
#include <signal.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "common/files.h"
#include "common/log.h"
#include "common/process.h"
#include "common/status.h"
#include "common/version.h"
#include "worker/agent/agent.h"
#include "worker/agent/labels.h"
#include "worker/isolation/bytes.h"
#include "worker/isolation/isolation.h"

namespace octet::agent {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

std::string HostName() {
  char name[HOST_NAME_MAX + 1] = "";
  gethostname(name, sizeof(name) - 1);
  return name;
}

// What the command line holds, before it is checked as a whole.
struct Flags {
  AgentOptions options;
  int cpu_slots = 0;
  int tpu_slots = 0;
  std::string lifetime;
  std::string stop_grace = "30s";
  std::string hang_after = "30s";
  std::vector<std::string> labels;
  std::string label_file;
  std::string isolation, memory_per_slot, disk_per_slot;
};

std::string CheckDuration(const std::string& text) {
  absl::Duration duration;
  if (absl::ParseDuration(text, &duration) && duration > absl::ZeroDuration()) return "";
  return text + " is not a duration greater than 0, such as 90s, 30m or 12h";
}

std::string CheckBytes(const std::string& text) {
  return std::string(isolation::ParseBytes(text).status().message());
}

void AddIsolationFlags(CLI::App& app, Flags& flags) {
  isolation::IsolationOptions& options = flags.options.isolation;
  app.add_option("--isolation", flags.isolation,
                 "none, standard or strict: how jobs are kept apart [none for a scheduler on a "
                 "Unix socket, else standard]")
      ->check([](const std::string& text) {
        return std::string(isolation::ParseMode(text).status().message());
      });
  app.add_option("--account", options.accounts,
                 "TEAM=USER: whose jobs run as whom, '*' for every other team; for an agent that "
                 "is root; repeatable");
  app.add_option("--data-root", options.data_roots,
                 "Folder that isolated jobs may read; repeatable");
  app.add_option("--work-root", options.work_roots,
                 "Folder that isolated jobs may write to, as far as its modes let them; "
                 "repeatable");
  app.add_option("--pass-env", options.pass_env,
                 "Variable of the agent's that isolated jobs get too; repeatable");
  app.add_option("--cgroup", options.cgroup,
                 "auto, none, or a cgroup2 folder that was handed to this agent")
      ->capture_default_str();
  app.add_option("--memory-per-slot", flags.memory_per_slot,
                 "Memory of a job for each of its slots, such as 8Gi, or none [the slot's share "
                 "of the machine; without isolation none]")
      ->check(CheckBytes);
  app.add_option("--disk-per-slot", flags.disk_per_slot,
                 "Disk space of a job for each of its slots [as above]")
      ->check(CheckBytes);
}

void AddFlags(CLI::App& app, Flags& flags) {
  AgentOptions& options = flags.options;
  app.set_version_flag("--version", Version());
  app.add_option("--dir", options.dir, "Folder of everything the agent keeps")->required();
  app.add_option("--scheduler", options.scheduler, "unix:PATH or HOST:PORT")->required();
  app.add_option(
      "--tls", options.tls,
      "Folder with the authority's ca.crt, for HOST:PORT; keeps this node's certificate");
  app.add_option("--join-token-file", options.join_token_file,
                 "File with a token from `octet token create --join`, for the first start");
  app.add_option("--health", options.health,
                 "HOST:PORT of gRPC's health service, for probes; port 0 for any free one");
  app.add_option("--node", options.node, "Name of this node in the cluster [the host's name]");
  app.add_option("--cpu-slots", flags.cpu_slots,
                 "Offer N CPU slots and no GPUs [the GPUs if any, else a slot a core]")
      ->check(CLI::Range(1, 4096));
  app.add_option("--tpu-slots", flags.tpu_slots, "Offer N TPU slots and no others")
      ->check(CLI::Range(1, 4096))
      ->excludes("--cpu-slots");
  app.add_option("--label", flags.labels, "KEY=VALUE, shown with the node; repeatable")
      ->check([](const std::string& label) {
        return label.find('=') == std::string::npos || label[0] == '=' ? label + " is not KEY=VALUE"
                                                                       : std::string();
      });
  app.add_option("--label-file", flags.label_file,
                 "File with a label a line, KEY=VALUE or KEY=\"VALUE\"; --label goes before it");
  app.add_option("--advertise-host", options.advertise_host,
                 "Where other nodes reach this one [the local address towards the scheduler]");
  app.add_option("--program-dir", options.program_dir,
                 "Folder of octet-trainer and octet-exporter [the agent's own]");
  app.add_option("--metrics", options.metrics,
                 "HOST:PORT for Prometheus, port 0 for any free one; empty for none")
      ->capture_default_str();
  app.add_option("--lifetime", flags.lifetime, "This node is gone after so long, such as 12h")
      ->check(CheckDuration);
  app.add_option("--stop-grace", flags.stop_grace,
                 "What ranks get to save and leave when the agent is told to end")
      ->capture_default_str()
      ->check(CheckDuration);
  app.add_option("--hang-after", flags.hang_after,
                 "A rank of a training that stands still for so long has hung; inf for never")
      ->capture_default_str()
      ->check(CheckDuration);
  AddIsolationFlags(app, flags);
}

absl::Status FillIsolation(const Flags& flags, AgentOptions& options) {
  isolation::IsolationOptions& wanted = options.isolation;
  const bool own_machine = options.scheduler.starts_with("unix:");
  ASSIGN_OR_RETURN(wanted.mode, isolation::ParseMode(!flags.isolation.empty() ? flags.isolation
                                                     : own_machine            ? "none"
                                                                              : "standard"));
  if (!flags.memory_per_slot.empty()) {
    ASSIGN_OR_RETURN(wanted.memory_per_slot, isolation::ParseBytes(flags.memory_per_slot));
  }
  if (!flags.disk_per_slot.empty()) {
    ASSIGN_OR_RETURN(wanted.disk_per_slot, isolation::ParseBytes(flags.disk_per_slot));
  }
  for (const std::string& path : {options.tls, options.join_token_file})
    if (!path.empty()) wanted.hidden.push_back(std::filesystem::absolute(path));
  for (auto* roots : {&wanted.data_roots, &wanted.work_roots})
    for (std::string& root : *roots) root = std::filesystem::absolute(root);
  return absl::OkStatus();
}

absl::StatusOr<AgentOptions> ToOptions(Flags flags) {
  AgentOptions options = std::move(flags.options);
  options.dir = std::filesystem::absolute(options.dir).lexically_normal().string();
  if (options.node.empty()) options.node = HostName();
  if (flags.cpu_slots > 0) options.cpu_slots = flags.cpu_slots;
  if (flags.tpu_slots > 0) options.tpu_slots = flags.tpu_slots;
  if (options.program_dir.empty()) {
    ASSIGN_OR_RETURN(options.program_dir, ProgramFolder());
  }
  options.program_dir = std::filesystem::absolute(options.program_dir).string();
  if (!flags.label_file.empty()) {
    ASSIGN_OR_RETURN(const std::string text, ReadFile(flags.label_file));
    auto labels = ParseLabels(text);
    RETURN_IF_ERROR(Annotate(labels.status(), flags.label_file));
    options.labels = *std::move(labels);
  }
  for (const std::string& label : flags.labels) {
    const size_t equals = label.find('=');
    options.labels[label.substr(0, equals)] = label.substr(equals + 1);
  }
  absl::Duration lifetime;
  if (absl::ParseDuration(flags.lifetime, &lifetime)) options.lifetime = lifetime;
  absl::ParseDuration(flags.stop_grace, &options.stop_grace);
  absl::ParseDuration(flags.hang_after, &options.hang_after);
  RETURN_IF_ERROR(FillIsolation(flags, options));
  return options;
}

absl::Status Run(Flags flags, const sigset_t& ending) {
  ASSIGN_OR_RETURN(const AgentOptions options, ToOptions(std::move(flags)));
  ASSIGN_OR_RETURN(auto agent, Agent::Start(options));
  spdlog::info("node {} offers {} {} slots", options.node, agent->node().slots_size(),
               agent->node().slots(0).resource());
  if (!agent->node().metrics_address().empty())
    spdlog::info("metrics on http://{}/metrics", agent->node().metrics_address());
  if (!agent->health_address().empty()) spdlog::info("health on {}", agent->health_address());
  std::printf("listening on %s\n", agent->rank_address().c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&ending, &signal);
  spdlog::info("ending: {}", ToString(ExitStatus{.signal = signal}));
  agent->Shutdown();
  // Nothing of worth is left, and the metrics server alone takes 2 s to stop.
  std::_Exit(0);
}

int Main(int argc, char** argv) {
  InitLog("octet-agent");
  CLI::App app("Runs this node's part of an Octet cluster's jobs.", "octet-agent");
  Flags flags;
  flags.options.metrics = "127.0.0.1:0";
  AddFlags(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  // Blocked before the first thread starts, so that all threads inherit it and
  // only sigwait sees these signals.
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  signal(SIGPIPE, SIG_IGN);
  const absl::Status status = Run(std::move(flags), ending);
  if (status.ok()) return 0;
  spdlog::error("{}", std::string(status.message()));
  return kExitFailed;
}

}  // namespace
}  // namespace octet::agent

int main(int argc, char** argv) { return octet::agent::Main(argc, argv); }
