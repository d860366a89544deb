#include "client/simulate.h"

#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/output.h"
#include "client/simulate_report.h"
#include "common/files.h"
#include "common/status.h"
#include "common/text.h"
#include "scheduler/config/config.h"
#include "scheduler/sim/philly.h"
#include "scheduler/sim/simulator.h"

namespace octet::client {
namespace {

constexpr char kDefaultSet[] = "default", kFifo[] = "fifo";

struct Options {
  std::string trace, philly, config, policies = kDefaultSet;
  std::vector<std::string> compare;
  bool ablation = false;
  int nodes = 250, slots_per_node = 8;
  uint64_t seed = 1;
  absl::Duration time_between_failures = absl::InfiniteDuration();
  std::string json, svg, write_trace;
};

absl::Status ReadShare(const std::string& text, double most, double& value) {
  if (absl::SimpleAtod(text, &value) && value >= 0 && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is not a number from 0 to ", most));
}

// text: such as jobs=20000,load=1.1.
absl::Status ReadPhilly(const std::string& text, scheduler::PhillyOptions& options) {
  using Read = std::function<absl::Status(const std::string&)>;
  const auto share = [](double& value, double most) -> Read {
    return [&value, most](const std::string& text) { return ReadShare(text, most, value); };
  };
  const std::map<std::string, Read> readers = {
      {"jobs",
       [&](const std::string& text) {
         if (absl::SimpleAtoi(text, &options.jobs) && options.jobs > 0) return absl::OkStatus();
         return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is not 1 or more"));
       }},
      {"load", share(options.load, 100)},
      {"saves", share(options.saves, 1)},
      {"elastic", share(options.elastic, 1)},
      {"urgent", share(options.urgent, 1)},
  };
  std::vector<std::string> names;
  for (const auto& [name, read] : readers) names.push_back(name);
  for (const absl::string_view each : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(each, absl::MaxSplits('=', 1));
    const auto reader = readers.find(pair.first);
    if (reader == readers.end())
      return absl::InvalidArgumentError(absl::StrCat("--philly: there is no option \"", pair.first,
                                                     "\"", DidYouMean(pair.first, names)));
    RETURN_IF_ERROR(Annotate(reader->second(pair.second), absl::StrCat("--philly: ", pair.first)));
  }
  if (options.load == 0) return absl::InvalidArgumentError("--philly: load: must be more than 0");
  return absl::OkStatus();
}

absl::StatusOr<scheduler::Trace> MakeTrace(const Options& options, std::string& source) {
  if (!options.trace.empty() && !options.philly.empty())
    return absl::InvalidArgumentError("TRACE and --philly: give one of them");
  if (!options.trace.empty()) {
    source = options.trace;
    return scheduler::ReadTrace(options.trace);
  }
  scheduler::PhillyOptions philly{.seed = options.seed,
                                  .slots = options.nodes * options.slots_per_node};
  RETURN_IF_ERROR(ReadPhilly(options.philly, philly));
  source = absl::StrCat("Philly-shaped, load ", philly.load, ", seed ", philly.seed);
  return scheduler::MakePhillyTrace(philly);
}

SimulatedSet SetOf(const std::string& text, const scheduler::CoreOptions& core) {
  if (text == kFifo) return {.name = kFifo};
  if (text == kDefaultSet) return {.name = kDefaultSet, .policies = core.policies};
  return {.name = text, .policies = absl::StrSplit(text, ',', absl::SkipEmpty())};
}

std::vector<SimulatedSet> Sets(const Options& options, const scheduler::CoreOptions& core) {
  std::vector<SimulatedSet> sets = {SetOf(options.policies, core)};
  for (const std::string& text : options.compare) sets.push_back(SetOf(text, core));
  if (!options.ablation) return sets;
  const SimulatedSet whole = sets.front();
  for (const std::string& policy : whole.policies) {
    SimulatedSet without{.name = absl::StrCat("without ", policy), .policies = whole.policies};
    std::erase(without.policies, policy);
    sets.push_back(std::move(without));
  }
  return sets;
}

absl::Status Run(const Options& options, const scheduler::CoreOptions& core,
                 const scheduler::Trace& trace, SimulatedSet& set) {
  scheduler::SimulationOptions simulation{.nodes = options.nodes,
                                          .slots_per_node = options.slots_per_node,
                                          .core = core,
                                          .time_between_failures = options.time_between_failures,
                                          .seed = options.seed};
  simulation.core.policies = set.policies;
  ASSIGN_OR_RETURN(scheduler::Simulation result, scheduler::Simulate(simulation, trace));
  set.metrics = scheduler::Measure(trace, result);
  set.hours = std::move(result.hours);
  return absl::OkStatus();
}

absl::StatusOr<int> Simulate(Context& context, const Options& options) {
  scheduler::CoreOptions core;
  if (!options.config.empty()) {
    ASSIGN_OR_RETURN(core, scheduler::LoadConfig(options.config));
  }
  SimulationReport report{.nodes = options.nodes,
                          .slots_per_node = options.slots_per_node,
                          .seed = options.seed,
                          .sets = Sets(options, core)};
  ASSIGN_OR_RETURN(const scheduler::Trace trace, MakeTrace(options, report.trace));
  report.jobs = static_cast<int>(trace.size());
  if (!trace.empty()) report.last_submit_s = trace.back().submit_s;
  if (!options.write_trace.empty())
    RETURN_IF_ERROR(scheduler::WriteTrace(options.write_trace, trace));
  for (SimulatedSet& set : report.sets) RETURN_IF_ERROR(Run(options, core, trace, set));
  if (!options.json.empty())
    RETURN_IF_ERROR(WriteFileAtomic(options.json, SimulationJson(report) + "\n"));
  if (!options.svg.empty())
    RETURN_IF_ERROR(WriteFileAtomic(options.svg, SimulationPicture(report)));
  if (!PrintDocument(context, SimulationJson(report))) PrintSimulation(context, report);
  return kOk;
}

void AddInputs(CLI::App& app, Options& options) {
  app.add_option("TRACE", options.trace, "Jobs to simulate: a CSV file, see docs/simulate.md")
      ->type_name("FILE");
  app.add_option("--philly", options.philly,
                 "Make the jobs instead, in the shape of Microsoft's Philly trace: jobs, load, "
                 "saves, elastic, urgent, such as jobs=20000,load=1.1 (default: without TRACE)")
      ->type_name("NAME=VALUE,...");
  app.add_option("--seed", options.seed, "Of what is made by chance (1)");
  app.add_option("--nodes", options.nodes, "Nodes of the cluster (250)")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--slots-per-node", options.slots_per_node, "Slots of each node (8)")
      ->check(CLI::Range(1, 1024));
  AddDuration(app, "--time-between-failures", options.time_between_failures,
              "Of a node, on average (default: none fails)");
}

void AddSets(CLI::App& app, Options& options) {
  app.add_option("--config", options.config,
                 "The scheduler's own file: teams, quotas, and the policies that are the default")
      ->type_name("FILE");
  app.add_option("--policies", options.policies,
                 "The set of policies: default, fifo, or names such as fair_share,backfill")
      ->type_name("SET");
  app.add_option("--compare", options.compare, "Another set to put beside it; again for more")
      ->type_name("SET")
      ->allow_extra_args(false);
  app.add_flag("--ablation", options.ablation,
               "Put the set beside itself without each of its policies");
}

void AddOutputs(CLI::App& app, Options& options) {
  app.add_option("--json", options.json, "Write everything that was measured")->type_name("FILE");
  app.add_option("--svg", options.svg, "Draw a picture")->type_name("FILE");
  app.add_option("--write-trace", options.write_trace, "Write the jobs as a CSV file")
      ->type_name("FILE");
}

}  // namespace

void AddSimulate(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App* app = commands.Add(
      "simulate", "Tell what scheduling policies would do with a trace of jobs, without a cluster",
      [=](Context& context) { return Simulate(context, *options); });
  AddInputs(*app, *options);
  AddSets(*app, *options);
  AddOutputs(*app, *options);
}

}  // namespace octet::client
