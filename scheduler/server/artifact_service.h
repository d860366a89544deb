#ifndef OCTET_SCHEDULER_SERVER_ARTIFACT_SERVICE_H_
#define OCTET_SCHEDULER_SERVER_ARTIFACT_SERVICE_H_

#include "octet/v1/artifacts.grpc.pb.h"
#include "scheduler/server/artifact_store.h"
#include "scheduler/server/controller.h"
#include "scheduler/server/gate.h"

namespace octet::scheduler {

/// As artifacts.proto says. Everything it is given must outlive it.
class ArtifactService final
    : public v1::ArtifactService::WithCallbackMethod_ReadArtifact<v1::ArtifactService::Service> {
 public:
  ArtifactService(const Gate& gate, Controller& controller, ArtifactStore& artifacts)
      : gate_(gate), controller_(controller), artifacts_(artifacts) {}

  grpc::Status ListArtifacts(grpc::ServerContext* context, const v1::ListArtifactsRequest* request,
                             v1::ListArtifactsResponse* response) override;
  grpc::ServerWriteReactor<v1::ReadArtifactResponse>* ReadArtifact(
      grpc::CallbackServerContext* context, const v1::ReadArtifactRequest* request) override;
  grpc::Status AppendArtifact(grpc::ServerContext* context,
                              const v1::AppendArtifactRequest* request,
                              v1::AppendArtifactResponse* response) override;
  grpc::Status FinishArtifact(grpc::ServerContext* context,
                              const v1::FinishArtifactRequest* request,
                              v1::Artifact* response) override;

 private:
  const Gate& gate_;
  Controller& controller_;
  ArtifactStore& artifacts_;
};

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_ARTIFACT_SERVICE_H_
