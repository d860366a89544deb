#include "scheduler/server/artifact_service.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "scheduler/server/codec.h"
#include "scheduler/server/handler.h"

namespace octet::scheduler {
namespace {

constexpr int64_t kChunkBytes = 1 << 20;

v1::Artifact ToArtifact(const std::string& job_id, const ArtifactInfo& info) {
  v1::Artifact artifact;
  artifact.set_job_id(job_id);
  artifact.set_name(info.name);
  artifact.set_bytes(info.bytes);
  artifact.set_sha256(info.sha256);
  *artifact.mutable_create_time() = ToTimestamp(info.create_time);
  return artifact;
}

}  // namespace

grpc::Status ArtifactService::ListArtifacts(grpc::ServerContext* context,
                                            const v1::ListArtifactsRequest* request,
                                            v1::ListArtifactsResponse* response) {
  return Answer(gate_, *context, "ArtifactService/ListArtifacts", *request,
                [&](const v1::Principal&) -> absl::Status {
                  RETURN_IF_ERROR(controller_.GetJob(request->job_id()));
                  ASSIGN_OR_RETURN(const auto artifacts, artifacts_.List(request->job_id()));
                  for (const ArtifactInfo& info : artifacts)
                    *response->add_artifacts() = ToArtifact(request->job_id(), info);
                  return absl::OkStatus();
                });
}

grpc::ServerWriteReactor<v1::ReadArtifactResponse>* ArtifactService::ReadArtifact(
    grpc::CallbackServerContext* context, const v1::ReadArtifactRequest* request) {
  const auto call = gate_.Admit(*context, "ArtifactService/ReadArtifact", request);
  if (!call.ok()) return Refuse<v1::ReadArtifactResponse>(call.status());
  const absl::Status job = controller_.GetJob(request->job_id()).status();
  if (!job.ok()) return Refuse<v1::ReadArtifactResponse>(job);
  auto opened = artifacts_.Open(request->job_id(), request->name());
  if (!opened.ok()) return Refuse<v1::ReadArtifactResponse>(opened.status());

  auto* stream = new SourceStream<v1::ReadArtifactResponse>(
      [file = std::make_shared<File>(*std::move(opened)),
       offset = request->offset()](v1::ReadArtifactResponse& response) mutable {
        auto data = file->Read(offset, kChunkBytes);
        if (!data.ok() || data->empty()) return Pulled{Pulled::kEnd, data.status()};
        offset += data->size();
        response.set_data(*std::move(data));
        return Pulled{Pulled::kMessage};
      });
  stream->Start();
  return stream;
}

grpc::Status ArtifactService::AppendArtifact(grpc::ServerContext* context,
                                             const v1::AppendArtifactRequest* request,
                                             v1::AppendArtifactResponse* response) {
  return Answer(
      gate_, *context, "ArtifactService/AppendArtifact", *request,
      [&](const v1::Principal&) -> absl::Status {
        if (request->data().size() > kChunkBytes)
          return absl::InvalidArgumentError(
              absl::StrCat("data: ", request->data().size(), " bytes are more than ", kChunkBytes));
        RETURN_IF_ERROR(controller_.CheckNewestAttempt(request->job_id(), request->attempt()));
        const ArtifactKey key{request->job_id(), request->name(), request->sha256()};
        ASSIGN_OR_RETURN(const int64_t size,
                         artifacts_.Append(key, request->offset(), request->data()));
        response->set_size(size);
        return absl::OkStatus();
      });
}

grpc::Status ArtifactService::FinishArtifact(grpc::ServerContext* context,
                                             const v1::FinishArtifactRequest* request,
                                             v1::Artifact* response) {
  return Answer(
      gate_, *context, "ArtifactService/FinishArtifact", *request,
      [&](const v1::Principal&) -> absl::Status {
        RETURN_IF_ERROR(controller_.CheckNewestAttempt(request->job_id(), request->attempt()));
        const ArtifactKey key{request->job_id(), request->name(), request->sha256()};
        ASSIGN_OR_RETURN(const ArtifactInfo info, artifacts_.Finish(key, request->bytes()));
        *response = ToArtifact(request->job_id(), info);
        return absl::OkStatus();
      });
}

}  // namespace octet::scheduler
