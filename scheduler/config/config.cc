#include "scheduler/config/config.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status.h"
#include "common/text.h"
#include "common/yaml_message.h"

namespace octet::scheduler {
namespace {

absl::Status ReadDuration(const std::string& field, const std::string& text,
                          absl::Duration& value) {
  if (text.empty()) return absl::OkStatus();
  absl::Duration read;
  if (!absl::ParseDuration(text, &read) || read <= absl::ZeroDuration())
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": \"", text, "\" is not a time; write one such as 90s or 24h"));
  value = read;
  return absl::OkStatus();
}

absl::StatusOr<std::map<std::string, int>> ReadSlots(
    const std::string& field, const google::protobuf::Map<std::string, int32_t>& slots) {
  static const std::vector<std::string> kResources = {"gpu", "tpu", "cpu"};
  std::map<std::string, int> read;
  for (const auto& [resource, count] : slots) {
    if (std::find(kResources.begin(), kResources.end(), resource) == kResources.end())
      return absl::InvalidArgumentError(absl::StrCat(field, ": there is no resource \"", resource,
                                                     "\"", DidYouMean(resource, kResources)));
    if (count < 0)
      return absl::InvalidArgumentError(
          absl::StrCat(field, ".", resource, ": ", count, " is less than 0"));
    read.emplace(resource, count);
  }
  return read;
}

absl::StatusOr<TeamConfig> ReadTeam(const std::string& field, const v1::TeamSpec& spec) {
  TeamConfig team;
  if (spec.has_weight()) team.weight = spec.weight();
  if (!(team.weight > 0))
    return absl::InvalidArgumentError(
        absl::StrCat(field, ".weight: ", team.weight, " is not greater than 0"));
  ASSIGN_OR_RETURN(team.quota, ReadSlots(field + ".quota", spec.quota()));
  ASSIGN_OR_RETURN(team.limit, ReadSlots(field + ".limit", spec.limit()));
  return team;
}

}  // namespace

absl::StatusOr<CoreOptions> ToCoreOptions(const v1::SchedulerConfig& config) {
  CoreOptions options;
  for (const auto& [name, spec] : config.teams()) {
    ASSIGN_OR_RETURN(options.teams[name], ReadTeam("teams." + name, spec));
  }
  if (!config.policies().empty())
    options.policies = {config.policies().begin(), config.policies().end()};
  RETURN_IF_ERROR(Annotate(MakePolicies(options.policies).status(), "policies"));
  RETURN_IF_ERROR(ReadDuration("fair_share_half_life", config.fair_share_half_life(),
                               options.fair_share_half_life));
  RETURN_IF_ERROR(ReadDuration("least_run_before_preemption", config.least_run_before_preemption(),
                               options.least_run_before_preemption));
  RETURN_IF_ERROR(
      ReadDuration("resize_interval", config.resize_interval(), options.resize_interval));
  return options;
}

absl::StatusOr<CoreOptions> LoadConfig(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  v1::SchedulerConfig config;
  RETURN_IF_ERROR(ParseYamlMessage(text, path, &config));
  auto options = ToCoreOptions(config);
  RETURN_IF_ERROR(Annotate(options.status(), path));
  return options;
}

}  // namespace octet::scheduler
