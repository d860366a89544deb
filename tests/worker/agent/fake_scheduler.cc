#include "tests/worker/agent/fake_scheduler.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "common/grpc_status.h"
#include "common/sha256.h"
#include "google/protobuf/util/time_util.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"

namespace octet::agent {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(1);
constexpr size_t kReadChunk = 1 << 10;

}  // namespace

void FakeScheduler::Up() {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address(), grpc::InsecureServerCredentials());
  builder.RegisterService(static_cast<v1::AgentService::Service*>(this));
  builder.RegisterService(static_cast<v1::ArtifactService::Service*>(this));
  server_ = builder.BuildAndStart();
}

void FakeScheduler::Down() {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now());
  server_.reset();
}

void FakeScheduler::Configure(const std::function<void(Behaviour&)>& change) {
  absl::MutexLock lock(&mutex_);
  change(behaviour_);
}

void FakeScheduler::ChangeRecord(const std::function<void(Record&)>& change) {
  absl::MutexLock lock(&mutex_);
  change(record_);
}

void FakeScheduler::Send(const v1::SchedulerMessage& message) {
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(absl::Condition(
                              +[](Stream** stream) { return *stream != nullptr; }, &stream_),
                          kPatience);
  if (stream_ != nullptr) stream_->Write(message);
}

bool FakeScheduler::WaitUntil(const std::function<bool(const Record&)>& condition) {
  absl::MutexLock lock(&mutex_);
  const auto holds = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return condition(record_); };
  return mutex_.AwaitWithTimeout(absl::Condition(&holds), kPatience);
}

v1::AttemptReport FakeScheduler::WaitForReport(
    const std::function<bool(const v1::AttemptReport&)>& matches) {
  v1::AttemptReport found;
  WaitUntil([&](const Record& record) {
    auto report = std::find_if(record.reports.begin(), record.reports.end(), matches);
    if (report == record.reports.end()) return false;
    found = *report;
    return true;
  });
  return found;
}

FakeScheduler::Record FakeScheduler::record() const {
  absl::MutexLock lock(&mutex_);
  return record_;
}

grpc::Status FakeScheduler::Connect(grpc::ServerContext*, Stream* stream) {
  v1::AgentMessage message;
  if (!stream->Read(&message)) return grpc::Status::OK;
  {
    absl::MutexLock lock(&mutex_);
    v1::SchedulerMessage welcome;
    *welcome.mutable_welcome()->mutable_heartbeat_interval() =
        google::protobuf::util::TimeUtil::MillisecondsToDuration(
            absl::ToInt64Milliseconds(behaviour_.heartbeat_interval));
    for (const auto& ref : behaviour_.unwanted) *welcome.mutable_welcome()->add_unwanted() = ref;
    stream->Write(welcome);
    record_.hellos.push_back(message.hello());
    stream_ = stream;
  }
  while (stream->Read(&message)) {
    absl::MutexLock lock(&mutex_);
    if (message.has_heartbeat()) {
      ++record_.heartbeats;
      record_.problems = {message.heartbeat().problems().begin(),
                          message.heartbeat().problems().end()};
    }
    if (!message.has_report()) continue;
    if (message.report().has_ended()) record_.problems_at_end = record_.problems;
    record_.reports.push_back(message.report());
    if (!behaviour_.acknowledge || message.report().sequence() == 0) continue;
    v1::SchedulerMessage ack;
    ack.mutable_report_ack()->set_sequence(message.report().sequence());
    stream->Write(ack);
  }
  absl::MutexLock lock(&mutex_);
  if (stream_ == stream) stream_ = nullptr;
  return grpc::Status::OK;
}

grpc::Status FakeScheduler::AppendLog(grpc::ServerContext*, const v1::AppendLogRequest* request,
                                      v1::AppendLogResponse* response) {
  absl::MutexLock lock(&mutex_);
  std::string& log = record_.logs[absl::StrCat(request->rank(), ".", request->stream())];
  record_.log_offsets.push_back(request->offset());
  const int64_t size = static_cast<int64_t>(log.size());
  if (request->offset() <= size &&
      size < request->offset() + static_cast<int64_t>(request->data().size()))
    log += request->data().substr(size - request->offset());
  response->set_size(static_cast<int64_t>(log.size()));
  return grpc::Status::OK;
}

grpc::Status FakeScheduler::ListArtifacts(grpc::ServerContext*,
                                          const v1::ListArtifactsRequest* request,
                                          v1::ListArtifactsResponse* response) {
  absl::MutexLock lock(&mutex_);
  for (const auto& [name, bytes] : record_.artifacts) {
    v1::Artifact& artifact = *response->add_artifacts();
    artifact.set_job_id(request->job_id());
    artifact.set_name(name);
    artifact.set_bytes(static_cast<int64_t>(bytes.size()));
    artifact.set_sha256(Sha256Hex(bytes));
  }
  return grpc::Status::OK;
}

grpc::Status FakeScheduler::ReadArtifact(grpc::ServerContext* context,
                                         const v1::ReadArtifactRequest* request,
                                         grpc::ServerWriter<v1::ReadArtifactResponse>* writer) {
  absl::MutexLock lock(&mutex_);
  record_.read_offsets.push_back(request->offset());
  const std::string& bytes = record_.artifacts[request->name()];
  for (size_t at = request->offset(); at < bytes.size(); at += kReadChunk) {
    if (behaviour_.fail_reads_after >= 0 && behaviour_.fail_reads_after-- == 0)
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "going down");
    v1::ReadArtifactResponse piece;
    piece.set_data(bytes.substr(at, kReadChunk));
    writer->Write(piece);
    if (!behaviour_.endless_reads) continue;
    const auto cancelled = [&] { return context->IsCancelled(); };
    // Looks again whenever something else happens here, such as a heartbeat.
    mutex_.AwaitWithTimeout(absl::Condition(&cancelled), kPatience);
    return grpc::Status::CANCELLED;
  }
  return grpc::Status::OK;
}

grpc::Status FakeScheduler::AppendArtifact(grpc::ServerContext*,
                                           const v1::AppendArtifactRequest* request,
                                           v1::AppendArtifactResponse* response) {
  absl::MutexLock lock(&mutex_);
  if (!behaviour_.refuse_uploads.ok()) return ToGrpc(behaviour_.refuse_uploads);
  std::string& upload = record_.uploads[request->name()];
  if (!request->data().empty()) record_.upload_offsets.push_back(request->offset());
  if (request->offset() == static_cast<int64_t>(upload.size())) upload += request->data();
  response->set_size(static_cast<int64_t>(upload.size()));
  return grpc::Status::OK;
}

grpc::Status FakeScheduler::FinishArtifact(grpc::ServerContext*,
                                           const v1::FinishArtifactRequest* request,
                                           v1::Artifact*) {
  absl::MutexLock lock(&mutex_);
  std::string upload = std::move(record_.uploads[request->name()]);
  record_.uploads.erase(request->name());
  if (Sha256Hex(upload) != request->sha256())
    return grpc::Status(grpc::StatusCode::DATA_LOSS, "the hash differs");
  record_.artifacts[request->name()] = std::move(upload);
  return grpc::Status::OK;
}

}  // namespace octet::agent
