#include "scheduler/server/agent_stream.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/grpc_status.h"
#include "common/log.h"
#include "scheduler/server/codec.h"

namespace octet::scheduler {

AgentStream* AgentStream::Start(Controller& controller, ArtifactStore& artifacts, const Gate& gate,
                                Admitted call) {
  std::shared_ptr<AgentStream> stream(new AgentStream);
  stream->self_ = stream;
  stream->controller_ = &controller;
  stream->artifacts_ = &artifacts;
  stream->gate_ = &gate;
  stream->call_ = std::move(call);
  stream->StartRead(&stream->incoming_);
  return stream.get();
}

AgentStream* AgentStream::Refuse(const absl::Status& status) {
  std::shared_ptr<AgentStream> stream(new AgentStream);
  stream->self_ = stream;
  stream->Close(status);
  return stream.get();
}

void AgentStream::Send(v1::SchedulerMessage message) {
  absl::MutexLock lock(&mutex_);
  if (closed_) return;
  outgoing_.push_back(std::move(message));
  if (outgoing_.size() == 1) StartWrite(&outgoing_.front());
}

void AgentStream::Close(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  if (closed_) return;
  closed_ = status;
  // What has been sent goes out first; what is queued behind it does not.
  if (outgoing_.empty()) Finish(ToGrpc(status));
}

void AgentStream::OnWriteDone(bool ok) {
  absl::MutexLock lock(&mutex_);
  if (!ok && !closed_) closed_ = absl::CancelledError("the agent is gone");
  outgoing_.pop_front();
  if (closed_) {
    outgoing_.clear();
    Finish(ToGrpc(*closed_));
  } else if (!outgoing_.empty()) {
    StartWrite(&outgoing_.front());
  }
}

void AgentStream::OnReadDone(bool ok) {
  if (ok) {
    if (const absl::Status taken = Take(incoming_); !taken.ok()) Close(taken);
    absl::MutexLock lock(&mutex_);
    if (!closed_) return StartRead(&incoming_);
  }
  // Nothing is read any more.
  if (!node_.empty()) controller_->DisconnectAgent(node_, self_);
  Close(absl::OkStatus());
}

absl::Status AgentStream::Take(const v1::AgentMessage& message) {
  if (message.has_hello() != node_.empty())
    return absl::FailedPreconditionError("the first message, and no other, is hello");
  switch (message.message_case()) {
    case v1::AgentMessage::kHello:
      return Greet(message.hello());
    case v1::AgentMessage::kHeartbeat:
      controller_->HearAgent(node_, self_, message.heartbeat());
      break;
    case v1::AgentMessage::kReport:
      TakeReport(message.report());
      break;
    case v1::AgentMessage::MESSAGE_NOT_SET:
      break;
  }
  return absl::OkStatus();
}

absl::Status AgentStream::Greet(const v1::AgentHello& hello) {
  call_.target = hello.node().name();
  const v1::Principal& caller = call_.caller;
  absl::Status connected;
  if (caller.role() == v1::ROLE_NODE && caller.name() != hello.node().name())
    connected =
        absl::PermissionDeniedError(absl::StrCat("the certificate is for node ", caller.name(),
                                                 ", and the agent says ", hello.node().name()));
  else
    connected = controller_->ConnectAgent(hello, self_);
  if (connected.ok()) node_ = hello.node().name();
  gate_->Record(call_, connected);
  return connected;
}

void AgentStream::TakeReport(const v1::AttemptReport& report) {
  std::function<void(bool)> stored;
  if (report.has_checkpoint())
    stored = [self = self_, job_id = report.ref().job_id()](bool took_effect) {
      if (took_effect) self->PruneCheckpoints(job_id);
    };
  controller_->Report(node_, self_, report, std::move(stored));
}

// Older checkpoints go only when the core has stored that there is a newer one
// to resume from.
void AgentStream::PruneCheckpoints(const std::string& job_id) {
  const auto view = controller_->GetJob(job_id);
  v1::JobSpec spec;
  if (!view.ok() || !spec.ParseFromString(view->job.spec)) return;
  const absl::Status pruned =
      artifacts_->Prune(job_id, "checkpoints/", spec.train().checkpoint().keep());
  if (!pruned.ok())
    spdlog::warn("job {}: old checkpoints stay: {}", job_id, std::string(pruned.message()));
}

}  // namespace octet::scheduler
