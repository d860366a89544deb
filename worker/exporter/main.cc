// octet-exporter: the export stage of a job, as a rank of a cluster (--start)
// or by itself (--spec).
#include <csignal>
#include <iostream>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "catalog/catalog.h"
#include "common/files.h"
#include "common/log.h"
#include "common/status.h"
#include "common/version.h"
#include "google/protobuf/util/json_util.h"
#include "octet/v1/agents.pb.h"
#include "scheduler/server/job_spec.h"
#include "worker/exporter/stage.h"

namespace octet::exporter {
namespace {

constexpr int kDone = 0, kFailed = 1, kUsage = 2, kStopped = 75;

StopFlag stop_requested{false};
static_assert(StopFlag::is_always_lock_free);  // A signal handler sets it.

struct Options {
  std::string start, spec, agent, agent_key, device, dir;
  int rank = 0;
};

/// What to export and whom to tell.
struct Task {
  ExportRequest request;
  std::unique_ptr<Reporter> reporter;
};

absl::Status ReadJson(const std::string& path, google::protobuf::Message& message) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  const auto parsed = google::protobuf::util::JsonStringToMessage(text, &message);
  if (parsed.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", std::string(parsed.message())));
}

absl::StatusOr<Task> RankTask(const Options& options) {
  v1::StartAttempt start;
  RETURN_IF_ERROR(ReadJson(options.start, start));
  v1::RankRef ref;
  ref.set_job_id(start.ref().job_id());
  ref.set_attempt(start.ref().attempt());
  ref.set_rank(options.rank);
  std::string key;
  if (!options.agent_key.empty()) {
    ASSIGN_OR_RETURN(key, ReadFile(options.agent_key));
  }
  return Task{{start.ref().job_id(), start.spec().export_(), options.dir},
              ReportToAgent(options.agent, ref, key)};
}

absl::StatusOr<Task> LocalTask(const Options& options) {
  v1::JobSpec spec;
  RETURN_IF_ERROR(ReadJson(options.spec, spec));
  scheduler::FillDefaults(spec);
  RETURN_IF_ERROR(
      Annotate(scheduler::ValidateJobSpec(spec, {.targets = catalog::BuiltinCatalog().TargetNames(),
                                                 .shared_filesystem = true,
                                                 .relative_paths = true}),
               options.spec));
  if (spec.has_train() || spec.export_().model().empty())
    return absl::InvalidArgumentError(
        absl::StrCat(options.spec, ": without a cluster a job can only export; set export.model"));
  return Task{{spec.name(), spec.export_(), options.dir}, ReportToStream(std::cout)};
}

int Fail(Task& task, const v1::Failure& failure) {
  spdlog::error("{}", failure.message());
  if (const absl::Status told = task.reporter->Failed(failure); !told.ok())
    spdlog::warn("{}", std::string(told.message()));
  return kFailed;
}

int Run(const Options& options) {
  absl::StatusOr<Task> task = options.start.empty() ? LocalTask(options) : RankTask(options);
  if (!task.ok()) {
    spdlog::error("{}", std::string(task.status().message()));
    return kFailed;
  }
  const auto verdict =
      RunExport(task->request, catalog::BuiltinCatalog(), *task->reporter, stop_requested);
  if (verdict.status().code() == absl::StatusCode::kCancelled && stop_requested) return kStopped;
  if (!verdict.ok()) return Fail(*task, FailureOf(verdict.status()));
  if (verdict->has_value()) return Fail(*task, **verdict);
  return kDone;
}

int Main(int argc, char** argv) {
  InitLog("octet-exporter");
  Options options;
  CLI::App app("Exports a trained model to edge targets.");
  app.set_version_flag("--version", Version());
  auto* start = app.add_option("--start", options.start, "StartAttempt as JSON, from the agent");
  auto* spec =
      app.add_option("--spec", options.spec, "JobSpec as JSON, to export without a cluster");
  auto* agent = app.add_option("--agent", options.agent, "The agent's RankService");
  app.add_option("--agent-key", options.agent_key, "File with the attempt's key, for the agent")
      ->needs(agent);
  app.add_option("--rank", options.rank, "This process's rank")->needs(start);
  app.add_option("--device", options.device, "The slot; exports compute on the CPU")->needs(start);
  app.add_option("--dir", options.dir, "Folder for the artifacts")->required();
  start->excludes(spec)->needs(agent);
  agent->needs(start);
  CLI11_PARSE(app, argc, argv);
  if (options.start.empty() && options.spec.empty()) {
    std::cerr << "octet-exporter: give --start or --spec; see --help\n";
    return kUsage;
  }
  const auto request_stop = [](int) { stop_requested = true; };
  std::signal(SIGTERM, request_stop);
  std::signal(SIGINT, request_stop);
  return Run(options);
}

}  // namespace
}  // namespace octet::exporter

int main(int argc, char** argv) { return octet::exporter::Main(argc, argv); }
