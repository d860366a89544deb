// Takes files of a job to the artifact store.
#ifndef OCTET_WORKER_AGENT_UPLOADER_H_
#define OCTET_WORKER_AGENT_UPLOADER_H_

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "octet/v1/agents.pb.h"
#include "octet/v1/artifacts.grpc.pb.h"
#include "octet/v1/ranks.pb.h"
#include "worker/agent/calls.h"

namespace octet::agent {

/// Uploads one attempt's files in the order in which they were announced, in a
/// thread of its own, which the first file starts. An absent scheduler is waited for. Thread-safe.
class Uploader {
 public:
  /// stored: called in the uploader's thread for each file, once it is in the
  /// store. Paths are taken relative to job_dir, and lead out of it by no
  /// symbolic link.
  Uploader(std::shared_ptr<grpc::Channel> scheduler, v1::AttemptRef ref, std::string job_dir,
           std::function<void(const v1::FileReady&)> stored);
  /// Gives up what is not stored yet.
  ~Uploader();
  Uploader(const Uploader&) = delete;
  Uploader& operator=(const Uploader&) = delete;

  void Add(v1::FileReady file);

  /// Waits until everything is stored or refused. Returns the first refusal: a
  /// file that is gone or that the store did not take. Checkpoints do not
  /// count: the training can do without, and the next one replaces it.
  /// DEADLINE_EXCEEDED: files are left after `timeout`.
  absl::Status Finish(absl::Duration timeout);

  /// Gives up: what is left is refused with CANCELLED.
  void Abandon() { cancellation_.Cancel(); }

 private:
  void Run();
  absl::Status Upload(const v1::FileReady& file);
  absl::Status UploadOnce(const std::string& name, const std::string& artifact);
  absl::StatusOr<int64_t> Append(const v1::AppendArtifactRequest& request);
  bool Idle() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return queue_.empty(); }
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stopping_ || !queue_.empty(); }

  const std::unique_ptr<v1::ArtifactService::Stub> stub_;
  const v1::AttemptRef ref_;
  const std::string job_dir_;
  const std::function<void(const v1::FileReady&)> stored_;
  Cancellation cancellation_;
  absl::Mutex mutex_;
  std::deque<v1::FileReady> queue_ ABSL_GUARDED_BY(mutex_);  // The front is being uploaded.
  absl::Status refused_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_ ABSL_GUARDED_BY(mutex_);  // From the first file on.
};

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_UPLOADER_H_
