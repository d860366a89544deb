#include "client/nodes.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/call.h"
#include "client/output.h"
#include "octet/v1/nodes.grpc.pb.h"

namespace octet::client {
namespace {

std::string NotesText(const v1::Node& node, absl::Time now) {
  std::vector<std::string> notes;
  for (const std::string& problem : node.problems()) notes.push_back("unfit: " + problem);
  if (node.has_drain()) {
    notes.push_back(absl::StrCat("drained: ", node.drain().reason()));
    if (node.drain().has_end_time())
      absl::StrAppend(&notes.back(), " (", ShortDuration(ToTime(node.drain().end_time()) - now),
                      " more)");
  }
  if (node.has_end_of_life_time()) {
    const absl::Duration left = ToTime(node.end_of_life_time()) - now;
    notes.push_back(left > absl::ZeroDuration() ? absl::StrCat("ends in ", ShortDuration(left))
                                                : "its time is over");
  }
  return absl::StrJoin(notes, "; ");
}

std::vector<std::string> Row(const v1::Node& node, absl::Time now, bool wide) {
  int used = 0;
  std::set<std::string> resources, models, jobs;
  for (const v1::Slot& slot : node.slots()) {
    used += slot.job_id().empty() ? 0 : 1;
    resources.insert(slot.resource());
    models.insert(slot.model());
    if (!slot.job_id().empty()) jobs.insert(slot.job_id());
  }
  std::vector<std::string> row = {node.name(),
                                  Word(node.state()),
                                  absl::StrCat(used, "/", node.slots_size()),
                                  absl::StrJoin(resources, ","),
                                  ShortDuration(now - ToTime(node.heartbeat_time())),
                                  NotesText(node, now)};
  if (wide) {
    row.push_back(node.has_drain() ? node.drain().by() : "-");
    row.push_back(absl::StrJoin(models, ", "));
    row.push_back(jobs.empty() ? "-" : absl::StrJoin(jobs, ","));
    row.push_back(node.agent_version());
    row.push_back(node.metrics_address().empty() ? "-" : node.metrics_address());
  }
  return row;
}

absl::StatusOr<int> Nodes(Context& context) {
  ASSIGN_OR_RETURN(const v1::ListNodesResponse response, AllNodes(context));
  if (PrintList(context, response.nodes())) return kOk;
  if (response.nodes().empty()) {
    context.err << "No nodes; start an octet-agent with --scheduler, or use `octet up`.\n";
    return kOk;
  }
  const bool wide = context.format == OutputFormat::kWide;
  std::vector<std::string> header = {"NAME", "STATE", "USED", "RESOURCE", "LAST HEARD", "NOTES"};
  if (wide) header.insert(header.end(), {"DRAINED BY", "MODEL", "JOBS", "AGENT", "METRICS"});
  Table table(std::move(header));
  for (const v1::Node& node : response.nodes()) table.Add(Row(node, context.clock.Now(), wide));
  table.Print(context.out);
  return kOk;
}

}  // namespace

absl::StatusOr<v1::ListNodesResponse> AllNodes(Context& context) {
  v1::ListNodesRequest request;
  v1::ListNodesResponse all;
  do {
    ASSIGN_OR_RETURN(v1::ListNodesResponse page,
                     Call<v1::NodeService>(context, "ListNodes",
                                           &v1::NodeService::StubInterface::ListNodes, request));
    request.set_page_token(page.next_page_token());
    all.MergeFrom(page);
  } while (!request.page_token().empty());
  return all;
}

void AddNodes(Commands& commands) {
  commands.Add("nodes",
               "List the nodes: state, slots used and in all, last heartbeat, drains and ends",
               Nodes);
}

}  // namespace octet::client
