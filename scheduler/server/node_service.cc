#include "scheduler/server/node_service.h"

#include <string>
#include <utility>
#include <vector>

#include "common/status.h"
#include "scheduler/server/codec.h"
#include "scheduler/server/handler.h"

namespace octet::scheduler {
namespace {

constexpr int kDefaultPage = 500;

}  // namespace

grpc::Status NodeService::ListNodes(grpc::ServerContext* context,
                                    const v1::ListNodesRequest* request,
                                    v1::ListNodesResponse* response) {
  return Answer(
      gate_, *context, "NodeService/ListNodes", *request,
      [&](const v1::Principal&) -> absl::Status {
        if (request->page_size() < 0)
          return absl::InvalidArgumentError("page_size: is less than 0");
        const size_t size = request->page_size() == 0 ? kDefaultPage : request->page_size();
        std::vector<Node> nodes = controller_.ListNodes(/*after=*/request->page_token(), size + 1);
        const bool more = nodes.size() > size;
        if (more) nodes.pop_back();
        for (const Node& node : nodes) *response->add_nodes() = ToProto(node);
        if (more) response->set_next_page_token(nodes.back().name);
        return absl::OkStatus();
      });
}

grpc::Status NodeService::DrainNode(grpc::ServerContext* context,
                                    const v1::DrainNodeRequest* request, v1::Node* response) {
  return Answer(gate_, *context, "NodeService/DrainNode", *request,
                [&](const v1::Principal& caller) -> absl::Status {
                  DrainRequested event{.name = request->node(),
                                       .reason = request->reason(),
                                       .by = caller.name(),
                                       .evict = request->evict()};
                  if (request->has_end_time()) event.end_time = ToTime(request->end_time());
                  ASSIGN_OR_RETURN(const Node node, controller_.DrainNode(event));
                  *response = ToProto(node);
                  return absl::OkStatus();
                });
}

grpc::Status NodeService::UndrainNode(grpc::ServerContext* context,
                                      const v1::UndrainNodeRequest* request, v1::Node* response) {
  return Answer(gate_, *context, "NodeService/UndrainNode", *request,
                [&](const v1::Principal&) -> absl::Status {
                  ASSIGN_OR_RETURN(const Node node, controller_.UndrainNode(request->node()));
                  *response = ToProto(node);
                  return absl::OkStatus();
                });
}

grpc::Status NodeService::ListTeams(grpc::ServerContext* context,
                                    const v1::ListTeamsRequest* request,
                                    v1::ListTeamsResponse* response) {
  return Answer(gate_, *context, "NodeService/ListTeams", *request,
                [&](const v1::Principal&) -> absl::Status {
                  for (v1::Team& team : controller_.ListTeams())
                    *response->add_teams() = std::move(team);
                  return absl::OkStatus();
                });
}

}  // namespace octet::scheduler
