#include "worker/agent/session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "common/grpc_status.h"
#include "common/log.h"
#include "google/protobuf/util/time_util.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"

namespace octet::agent {
namespace {

constexpr absl::Duration kDefaultHeartbeat = absl::Seconds(2);

absl::Duration HeartbeatInterval(const v1::AgentWelcome& welcome) {
  const int64_t ms =
      google::protobuf::util::TimeUtil::DurationToMilliseconds(welcome.heartbeat_interval());
  return ms > 0 ? absl::Milliseconds(ms) : kDefaultHeartbeat;
}

}  // namespace

Session::Session(std::shared_ptr<grpc::Channel> scheduler, Outbox* outbox, SessionHandler* handler)
    : stub_(v1::AgentService::NewStub(std::move(scheduler))),
      outbox_(outbox),
      handler_(handler),
      thread_([this] { Run(); }) {}

Session::~Session() {
  stop_.Cancel();
  outbox_->Wake();
  thread_.join();
}

void Session::SendHeartbeat() {
  heartbeat_due_ = true;
  outbox_->Wake();
}

void Session::Run() {
  Backoff backoff;
  std::string last_message;
  while (!stop_.cancelled()) {
    bool welcomed = false;
    const absl::Status status = Converse(&welcomed);
    if (stop_.cancelled()) return;
    if (welcomed) {
      backoff.Reset();
      last_message.clear();
    }
    // Once for each reason, not for each try.
    if (last_message != status.message()) {
      last_message = std::string(status.message());
      spdlog::warn("no connection to the scheduler, trying again: {}", last_message);
    }
    stop_.WaitFor(backoff.Next());
  }
}

absl::Status Session::Converse(bool* welcomed) {
  grpc::ClientContext context;
  Cancellation::Call registered(&stop_, &context);
  auto stream = stub_->Connect(&context);
  v1::AgentMessage hello;
  *hello.mutable_hello() = handler_->Hello();
  v1::SchedulerMessage first;
  if (!stream->Write(hello) || !stream->Read(&first)) return FromGrpc(stream->Finish());
  if (!first.has_welcome()) {
    context.TryCancel();
    return absl::InternalError("the scheduler's first word is not a welcome");
  }
  *welcomed = true;
  spdlog::info("connected to scheduler {}", first.welcome().scheduler_version());
  handler_->OnWelcome(first.welcome());
  outbox_->Rewind();
  Cancellation broken;
  std::thread receiver([&] { Receive(stream.get(), &broken); });
  Send(stream.get(), HeartbeatInterval(first.welcome()), broken);
  context.TryCancel();
  receiver.join();
  const absl::Status status = FromGrpc(stream->Finish());
  handler_->OnDisconnect();
  return status.ok() ? absl::UnavailableError("the scheduler closed the connection") : status;
}

void Session::Send(Stream* stream, absl::Duration heartbeat_interval, const Cancellation& broken) {
  // The first at once: it says whether the node is well.
  absl::Duration next_heartbeat = Clock::Real().Steady();
  while (!broken.cancelled() && !stop_.cancelled()) {
    v1::AgentMessage message;
    if (heartbeat_due_.exchange(false)) next_heartbeat = Clock::Real().Steady();
    const absl::Duration left = next_heartbeat - Clock::Real().Steady();
    if (left <= absl::ZeroDuration()) {
      next_heartbeat += heartbeat_interval - std::min(left, absl::ZeroDuration());
      *message.mutable_heartbeat()->mutable_send_time() =
          google::protobuf::util::TimeUtil::GetCurrentTime();
      for (std::string& problem : handler_->Problems())
        message.mutable_heartbeat()->add_problems(std::move(problem));
      message.mutable_heartbeat()->set_ending(handler_->Ending());
    } else if (auto report = outbox_->Next(left)) {
      *message.mutable_report() = *std::move(report);
    } else {
      continue;
    }
    if (!stream->Write(message)) return;
  }
}

void Session::Receive(Stream* stream, Cancellation* broken) {
  v1::SchedulerMessage message;
  while (stream->Read(&message)) Handle(message);
  broken->Cancel();
  outbox_->Wake();
}

void Session::Handle(const v1::SchedulerMessage& message) {
  switch (message.message_case()) {
    case v1::SchedulerMessage::kStartAttempt:
      return handler_->OnStart(message.start_attempt());
    case v1::SchedulerMessage::kStopAttempt:
      return handler_->OnStop(message.stop_attempt());
    case v1::SchedulerMessage::kRendezvousReady:
      return handler_->OnRendezvous(message.rendezvous_ready());
    case v1::SchedulerMessage::kSignalAttempt:
      return handler_->OnSignal(message.signal_attempt());
    case v1::SchedulerMessage::kInput:
      return handler_->OnInput(message.input());
    case v1::SchedulerMessage::kReportAck:
      return outbox_->Acknowledge(message.report_ack().sequence());
    case v1::SchedulerMessage::kWelcome:
    case v1::SchedulerMessage::MESSAGE_NOT_SET:
      return;
  }
}

std::shared_ptr<grpc::Channel> DialScheduler(
    const std::string& address, const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  return grpc::CreateCustomChannel(address, credentials, arguments);
}

}  // namespace octet::agent
