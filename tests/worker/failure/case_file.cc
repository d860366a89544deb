#include "tests/worker/failure/case_file.h"

#include <filesystem>
#include <stdexcept>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "yaml-cpp/yaml.h"

namespace octet::failure {
namespace {

// A rank stands still, as the agent sees it with its default --hang-after.
constexpr absl::Duration kStandsStill = absl::Seconds(30);

std::string Text(const YAML::Node& node, const std::string& fallback = "") {
  return node ? node.as<std::string>() : fallback;
}

template <typename T>
T OneOf(const std::string& word, std::initializer_list<std::pair<const char*, T>> words) {
  for (const auto& [name, value] : words)
    if (word == name) return value;
  throw std::invalid_argument(word);
}

// "2: compute 812 31s".
RankPosition Position(const std::string& text) {
  const std::vector<std::string> words = absl::StrSplit(text, ' ');
  RankPosition position;
  if (words.size() != 4 || !absl::SimpleAtoi(absl::StripSuffix(words[0], ":"), &position.rank) ||
      !absl::SimpleAtoi(words[2], &position.step) ||
      !absl::ParseDuration(words[3], &position.standing))
    throw std::invalid_argument(text);
  position.phase = OneOf<Phase>(words[1], {{"data", Phase::kData},
                                           {"compute", Phase::kCompute},
                                           {"communication", Phase::kCommunication},
                                           {"stopped", Phase::kCommunication},
                                           {"stuck", Phase::kCommunication},
                                           {"evaluate", Phase::kEvaluate},
                                           {"save", Phase::kSave}});
  position.state = words[1] == "stopped" ? RunState::kStopped
                   : words[1] == "stuck" ? RunState::kStuck
                                         : RunState::kRuns;
  return position;
}

std::vector<RankPosition> Standing(const YAML::Node& node) {
  std::vector<RankPosition> standing;
  for (const YAML::Node& text : node) {
    const RankPosition position = Position(text.as<std::string>());
    if (position.standing >= kStandsStill) standing.push_back(position);
  }
  return standing;
}

NodeFacts FactsOf(const YAML::Node& node) {
  NodeFacts facts;
  if (node["oom_kills"]) facts.oom_kills = node["oom_kills"].as<int64_t>();
  if (node["disk_free"]) facts.disk_free_bytes = node["disk_free"].as<int64_t>();
  if (node["shm_free"]) facts.shm_free_bytes = node["shm_free"].as<int64_t>();
  if (node["retransmitted"]) facts.retransmitted = node["retransmitted"].as<double>();
  for (const YAML::Node& line : node["kernel"]) facts.kernel_log.push_back(line.as<std::string>());
  return facts;
}

AgentState AgentOf(const YAML::Node& node) {
  if (Text(node["node"], "ok") == "silent") return AgentState::kNodeSilent;
  return node["agent"] || Text(node["stop"]) == "agent_ending" ? AgentState::kGone
                                                               : AgentState::kThere;
}

Evidence EvidenceOf(const YAML::Node& node) {
  Evidence evidence;
  evidence.is_command = Text(node["program"]) != "octet";
  if (node["exit"]) evidence.exit_code = node["exit"].as<int>();
  if (node["signal"]) evidence.signal = node["signal"].as<int>();
  evidence.sender =
      OneOf<Sender>(Text(node["by"]),
                    {{"", Sender::kElsewhere}, {"agent", Sender::kAgent}, {"user", Sender::kUser}});
  evidence.stop = OneOf<StopCause>(Text(node["stop"]), {{"", StopCause::kNone},
                                                        {"agent_ending", StopCause::kNone},
                                                        {"cancelled", StopCause::kCancelled},
                                                        {"time_limit", StopCause::kTimeLimit},
                                                        {"preempted", StopCause::kPreempted}});
  evidence.agent = AgentOf(node);
  evidence.start_error = Text(node["start_error"]);
  evidence.report = Text(node["report"]);
  evidence.report_is_echo = node["secondary"] && node["secondary"].as<bool>();
  if (node["stderr"])
    evidence.stderr_tail =
        absl::StrSplit(absl::StripSuffix(node["stderr"].as<std::string>(), "\n"), '\n');
  evidence.standing = Standing(node["positions"]);
  evidence.node = FactsOf(node);
  return evidence;
}

}  // namespace

std::vector<Case> ReadCases(const std::string& folder) {
  std::vector<Case> cases;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    const YAML::Node lists = YAML::LoadFile(file.path());
    for (const char* list : {"development", "held_out", "field"}) {
      for (const YAML::Node& node : lists[list]) {
        cases.push_back(
            {.cause = Text(node["cause"], file.path().stem()),
             .place = absl::StrCat(file.path().filename().string(), ":", node.Mark().line + 1),
             .list = list,
             .evidence = EvidenceOf(node)});
      }
    }
  }
  return cases;
}

}  // namespace octet::failure
