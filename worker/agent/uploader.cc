#include "worker/agent/uploader.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/grpc_status.h"
#include "common/log.h"
#include "common/sha256.h"
#include "common/status.h"
#include "worker/agent/attempt_ref.h"
#include "worker/agent/rank_command.h"
#include "worker/isolation/job_folder.h"

namespace octet::agent {
namespace {

constexpr int64_t kChunkBytes = 1 << 20;
constexpr absl::Duration kCallDeadline = absl::Seconds(30);
// DATA_LOSS means that the file changed while it was read, or that bytes broke
// on the way; OUT_OF_RANGE, that the store has lost some since.
constexpr int kTries = 3;

// The name below `folder`, by which ranks may call a file as a whole path.
std::string NameBelow(const std::string& folder, const std::string& path) {
  return absl::StartsWith(path, folder + "/") ? path.substr(folder.size() + 1) : path;
}

absl::StatusOr<std::string> ReadPiece(std::ifstream& file, const std::string& path,
                                      int64_t offset) {
  std::string piece(kChunkBytes, '\0');
  file.clear();
  file.seekg(offset);
  file.read(piece.data(), kChunkBytes);
  if (file.bad()) return ErrnoStatus("cannot read", path);
  piece.resize(static_cast<size_t>(file.gcount()));
  return piece;
}

}  // namespace

Uploader::Uploader(std::shared_ptr<grpc::Channel> scheduler, v1::AttemptRef ref,
                   std::string job_dir, std::function<void(const v1::FileReady&)> stored)
    : stub_(v1::ArtifactService::NewStub(std::move(scheduler))),
      ref_(std::move(ref)),
      job_dir_(std::move(job_dir)),
      stored_(std::move(stored)) {}

Uploader::~Uploader() {
  Abandon();
  std::thread thread;
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    thread.swap(thread_);
  }
  if (thread.joinable()) thread.join();
}

void Uploader::Add(v1::FileReady file) {
  absl::MutexLock lock(&mutex_);
  queue_.push_back(std::move(file));
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
}

absl::Status Uploader::Finish(absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  if (!mutex_.AwaitWithTimeout(absl::Condition(this, &Uploader::Idle), timeout))
    return absl::DeadlineExceededError(
        absl::StrCat(queue_.size(), " files of ", ToString(ref_), " are not stored yet"));
  return refused_;
}

void Uploader::Run() {
  for (;;) {
    v1::FileReady file;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &Uploader::HasWork));
      if (stopping_) return;
      file = queue_.front();
    }
    const absl::Status status =
        Annotate(Upload(file), absl::StrCat("cannot store ", file.artifact()));
    if (status.ok()) {
      stored_(file);
    } else {
      spdlog::warn("{}: {}", ToString(ref_), std::string(status.message()));
    }
    absl::MutexLock lock(&mutex_);
    if (refused_.ok() && file.checkpoint_step() == 0) refused_ = status;
    queue_.pop_front();
  }
}

absl::Status Uploader::Upload(const v1::FileReady& file) {
  RETURN_IF_ERROR(CheckArtifactName(file.artifact()));
  const std::string name = NameBelow(job_dir_, file.path());
  absl::Status status;
  for (int tries = 0; tries < kTries; ++tries) {
    status = UploadOnce(name, file.artifact());
    if (!absl::IsDataLoss(status) && !absl::IsOutOfRange(status)) return status;
  }
  return status;
}

absl::Status Uploader::UploadOnce(const std::string& name, const std::string& artifact) {
  ASSIGN_OR_RETURN(const Fd opened, isolation::OpenInJob(job_dir_, name));
  const std::string path = isolation::PathOf(opened);
  ASSIGN_OR_RETURN(const std::string sha256, Sha256OfFile(path));
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return ErrnoStatus("cannot read", path);
  const int64_t bytes = file.tellg();

  v1::AppendArtifactRequest request;
  request.set_job_id(ref_.job_id());
  request.set_attempt(ref_.attempt());
  request.set_name(artifact);
  request.set_sha256(sha256);
  // No data asks for the length: an upload that broke goes on from there.
  ASSIGN_OR_RETURN(int64_t stored, Append(request));
  while (stored < bytes) {
    request.set_offset(stored);
    ASSIGN_OR_RETURN(*request.mutable_data(), ReadPiece(file, path, stored));
    if (request.data().empty()) return absl::DataLossError(absl::StrCat(name, " became shorter"));
    ASSIGN_OR_RETURN(const int64_t now_stored, Append(request));
    if (now_stored == stored)
      return absl::InternalError(absl::StrCat("the artifact store stays at ", stored, " bytes"));
    stored = now_stored;
  }

  v1::FinishArtifactRequest finish;
  finish.set_job_id(ref_.job_id());
  finish.set_attempt(ref_.attempt());
  finish.set_name(artifact);
  finish.set_bytes(bytes);
  finish.set_sha256(sha256);
  v1::Artifact finished;
  return CallUntilAnswered(&cancellation_, kCallDeadline, [&](grpc::ClientContext* context) {
    return FromGrpc(stub_->FinishArtifact(context, finish, &finished));
  });
}

absl::StatusOr<int64_t> Uploader::Append(const v1::AppendArtifactRequest& request) {
  v1::AppendArtifactResponse response;
  RETURN_IF_ERROR(
      CallUntilAnswered(&cancellation_, kCallDeadline, [&](grpc::ClientContext* context) {
        return FromGrpc(stub_->AppendArtifact(context, request, &response));
      }));
  return response.size();
}

}  // namespace octet::agent
