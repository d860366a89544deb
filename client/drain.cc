#include "client/drain.h"

#include <memory>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/call.h"
#include "client/output.h"
#include "octet/v1/nodes.grpc.pb.h"

namespace octet::client {
namespace {

struct DrainOptions {
  std::string node, reason;
  absl::Duration length = absl::ZeroDuration();  // zero: for ever
  bool evict = false;
};

std::set<std::string> JobsOn(const v1::Node& node) {
  std::set<std::string> jobs;
  for (const v1::Slot& slot : node.slots())
    if (!slot.job_id().empty()) jobs.insert(slot.job_id());
  return jobs;
}

absl::StatusOr<int> Drain(Context& context, const DrainOptions& options) {
  v1::DrainNodeRequest request;
  request.set_node(options.node);
  request.set_reason(options.reason);
  request.set_evict(options.evict);
  if (options.length > absl::ZeroDuration())
    request.mutable_end_time()->set_seconds(
        absl::ToUnixSeconds(context.clock.Now() + options.length));
  ASSIGN_OR_RETURN(const v1::Node node,
                   Call<v1::NodeService>(context, "DrainNode",
                                         &v1::NodeService::StubInterface::DrainNode, request));
  if (PrintMessage(context, node)) return kOk;
  const std::set<std::string> jobs = JobsOn(node);
  context.out << "node " << options.node << " is drained";
  if (!jobs.empty())
    context.out << "; " << absl::StrJoin(jobs, ", ")
                << (options.evict ? " will be stopped and go on elsewhere" : " may run to the end");
  context.out << "\n";
  return kOk;
}

absl::StatusOr<int> Undrain(Context& context, const std::string& name) {
  v1::UndrainNodeRequest request;
  request.set_node(name);
  ASSIGN_OR_RETURN(const v1::Node node,
                   Call<v1::NodeService>(context, "UndrainNode",
                                         &v1::NodeService::StubInterface::UndrainNode, request));
  if (!PrintMessage(context, node)) context.out << "node " << name << " is in use again\n";
  return kOk;
}

}  // namespace

void AddDrain(Commands& commands) {
  auto options = std::make_shared<DrainOptions>();
  CLI::App* app = commands.Add("drain", "Take a node out of use: nothing new starts on it",
                               [=](Context& context) { return Drain(context, *options); });
  app->add_option("NODE", options->node, "The node's name")->required();
  app->add_option("--reason", options->reason, "Shown to everybody who waits for the node")
      ->required();
  AddDuration(*app, "--for", options->length,
              "In use again after this time, such as 2h (default: after `octet undrain`)");
  app->add_flag("--evict", options->evict, "Stop what runs there; it saves and goes on elsewhere");
}

void AddUndrain(Commands& commands) {
  auto node = std::make_shared<std::string>();
  CLI::App* app =
      commands.Add("undrain", "Take a node into use again, from a drain or a quarantine",
                   [=](Context& context) { return Undrain(context, *node); });
  app->add_option("NODE", *node, "The node's name")->required();
}

}  // namespace octet::client
