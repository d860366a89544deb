#ifndef OCTET_SCHEDULER_SERVER_NODE_SERVICE_H_
#define OCTET_SCHEDULER_SERVER_NODE_SERVICE_H_

#include "octet/v1/nodes.grpc.pb.h"
#include "scheduler/server/controller.h"
#include "scheduler/server/gate.h"

namespace octet::scheduler {

/// As nodes.proto says. Everything it is given must outlive it.
class NodeService final : public v1::NodeService::Service {
 public:
  NodeService(const Gate& gate, Controller& controller) : gate_(gate), controller_(controller) {}

  grpc::Status ListNodes(grpc::ServerContext* context, const v1::ListNodesRequest* request,
                         v1::ListNodesResponse* response) override;
  grpc::Status DrainNode(grpc::ServerContext* context, const v1::DrainNodeRequest* request,
                         v1::Node* response) override;
  grpc::Status UndrainNode(grpc::ServerContext* context, const v1::UndrainNodeRequest* request,
                           v1::Node* response) override;
  grpc::Status ListTeams(grpc::ServerContext* context, const v1::ListTeamsRequest* request,
                         v1::ListTeamsResponse* response) override;

 private:
  const Gate& gate_;
  Controller& controller_;
};

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_NODE_SERVICE_H_
