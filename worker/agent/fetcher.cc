#include "worker/agent/fetcher.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/grpc_status.h"
#include "common/sha256.h"
#include "common/status.h"
#include "octet/v1/artifacts.grpc.pb.h"
#include "worker/agent/rank_command.h"
#include "worker/isolation/job_folder.h"

namespace octet::agent {
namespace {

constexpr absl::Duration kListDeadline = absl::Seconds(10);
// One try of a download; the next goes on where this one was.
constexpr absl::Duration kReadDeadline = absl::Minutes(1);

int64_t SizeOf(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error ? -1 : static_cast<int64_t>(size);
}

absl::StatusOr<bool> Matches(const std::string& path, const v1::Artifact& artifact) {
  if (SizeOf(path) != artifact.bytes()) return false;
  ASSIGN_OR_RETURN(const std::string sha256, Sha256OfFile(path));
  return sha256 == artifact.sha256();
}

// A name that is there but cannot be opened safely is to be replaced.
absl::StatusOr<bool> IsThere(const std::string& job_dir, const v1::Artifact& artifact) {
  const auto file = isolation::OpenInJob(job_dir, artifact.name());
  if (!file.ok()) return false;
  return Matches(isolation::PathOf(*file), artifact);
}

class Download {
 public:
  Download(v1::ArtifactService::Stub* stub, const v1::Artifact& artifact, const FetchTarget& target,
           Cancellation* cancellation)
      : stub_(stub),
        artifact_(artifact),
        target_(target),
        // Named by content: a part of another version is never continued.
        part_(absl::StrCat(target.parts_dir, "/", artifact.sha256().substr(0, 16), ".part")),
        cancellation_(cancellation) {}

  absl::Status Run() {
    RETURN_IF_ERROR(MakeFolders(target_.parts_dir, 0700));
    RETURN_IF_ERROR(
        CallUntilAnswered(cancellation_, kReadDeadline,
                          [this](grpc::ClientContext* context) { return Read(context); }));
    RETURN_IF_ERROR(written_);
    ASSIGN_OR_RETURN(const bool whole, Matches(part_, artifact_));
    if (!whole) {
      std::remove(part_.c_str());
      return absl::DataLossError(absl::StrCat(artifact_.name(), " of job ", artifact_.job_id(),
                                              " arrived with another size or SHA-256 than the "
                                              "artifact store lists"));
    }
    return isolation::MoveIntoJob(part_, target_.job_dir, artifact_.name(), target_.owner);
  }

 private:
  // Errors of this node's disk go to written_: they are not the scheduler's,
  // and waiting for it would not mend them.
  absl::Status Read(grpc::ClientContext* context) {
    std::ofstream part(part_, std::ios::binary | std::ios::app);
    v1::ReadArtifactRequest request;
    request.set_job_id(artifact_.job_id());
    request.set_name(artifact_.name());
    request.set_offset(std::max<int64_t>(0, SizeOf(part_)));
    auto reader = stub_->ReadArtifact(context, request);
    v1::ReadArtifactResponse piece;
    while (part && reader->Read(&piece))
      part.write(piece.data().data(), static_cast<std::streamsize>(piece.data().size()));
    if (part) part.flush();
    if (!part) {
      written_ = ErrnoStatus("cannot write", part_);
      context->TryCancel();
    }
    const absl::Status read = FromGrpc(reader->Finish());
    return written_.ok() ? read : absl::OkStatus();
  }

  v1::ArtifactService::Stub* const stub_;
  const v1::Artifact& artifact_;
  const FetchTarget& target_;
  const std::string part_;
  Cancellation* const cancellation_;
  absl::Status written_;
};

absl::StatusOr<std::map<std::string, v1::Artifact>> List(v1::ArtifactService::Stub* stub,
                                                         const std::string& job_id,
                                                         Cancellation* cancellation) {
  v1::ListArtifactsRequest request;
  request.set_job_id(job_id);
  v1::ListArtifactsResponse response;
  RETURN_IF_ERROR(CallUntilAnswered(cancellation, kListDeadline, [&](grpc::ClientContext* context) {
    return FromGrpc(stub->ListArtifacts(context, request, &response));
  }));
  std::map<std::string, v1::Artifact> artifacts;
  for (const v1::Artifact& artifact : response.artifacts()) artifacts[artifact.name()] = artifact;
  return artifacts;
}

absl::Status FetchOne(v1::ArtifactService::Stub* stub, const v1::Artifact& artifact,
                      const FetchTarget& target, Cancellation* cancellation) {
  ASSIGN_OR_RETURN(const bool present, IsThere(target.job_dir, artifact));
  if (present) return absl::OkStatus();
  absl::Status status = Download(stub, artifact, target, cancellation).Run();
  // A part that an earlier life left may be damaged; whole downloads are not.
  if (absl::IsDataLoss(status)) status = Download(stub, artifact, target, cancellation).Run();
  return status;
}

}  // namespace

absl::Status FetchArtifacts(const std::shared_ptr<grpc::Channel>& scheduler,
                            const std::string& job_id, const std::vector<std::string>& names,
                            const FetchTarget& target, Cancellation* cancellation) {
  if (names.empty()) return absl::OkStatus();
  auto stub = v1::ArtifactService::NewStub(scheduler);
  ASSIGN_OR_RETURN(const auto artifacts, List(stub.get(), job_id, cancellation));
  for (const std::string& name : names) {
    RETURN_IF_ERROR(CheckArtifactName(name));
    const auto artifact = artifacts.find(name);
    if (artifact == artifacts.end())
      return absl::NotFoundError(
          absl::StrCat("job ", job_id, " has no artifact ", name, ", which this stage needs"));
    RETURN_IF_ERROR(FetchOne(stub.get(), artifact->second, target, cancellation));
  }
  return absl::OkStatus();
}

}  // namespace octet::agent
