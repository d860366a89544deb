#include "client/teams.h"

#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/call.h"
#include "client/output.h"
#include "octet/v1/nodes.grpc.pb.h"

namespace octet::client {
namespace {

std::vector<std::string> Row(const v1::Team& team, bool wide) {
  std::vector<std::string> row = {team.name(),
                                  SlotsText(team.used()),
                                  SlotsText(team.quota()),
                                  SlotsText(team.limit()),
                                  absl::StrCat(team.running_jobs()),
                                  absl::StrCat(team.pending_jobs())};
  if (wide) {
    row.push_back(absl::StrFormat("%g", team.weight()));
    row.push_back(absl::StrFormat("%.1f", team.mean_slots()));
  }
  return row;
}

absl::StatusOr<int> Teams(Context& context) {
  ASSIGN_OR_RETURN(
      const v1::ListTeamsResponse response,
      Call<v1::NodeService>(context, "ListTeams", &v1::NodeService::StubInterface::ListTeams,
                            v1::ListTeamsRequest()));
  if (PrintList(context, response.teams())) return kOk;
  const bool wide = context.format == OutputFormat::kWide;
  std::vector<std::string> header = {"TEAM", "USED", "QUOTA", "LIMIT", "RUNNING", "PENDING"};
  if (wide) header.insert(header.end(), {"WEIGHT", "MEAN SLOTS"});
  Table table(std::move(header));
  for (const v1::Team& team : response.teams()) table.Add(Row(team, wide));
  table.Print(context.out);
  return kOk;
}

}  // namespace

std::string SlotsText(const google::protobuf::Map<std::string, int32_t>& slots) {
  if (slots.empty()) return "-";
  const std::map<std::string, int32_t> sorted(slots.begin(), slots.end());
  return absl::StrJoin(sorted, ", ", absl::PairFormatter(" "));
}

void AddTeams(Commands& commands) {
  commands.Add("teams", "List the teams: slots used, quotas, limits and jobs", Teams);
}

}  // namespace octet::client
