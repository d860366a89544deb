// The conversation with the scheduler, over as many connections as it takes.
#ifndef OCTET_WORKER_AGENT_SESSION_H_
#define OCTET_WORKER_AGENT_SESSION_H_

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "grpcpp/channel.h"
#include "grpcpp/security/credentials.h"
#include "octet/v1/agents.grpc.pb.h"
#include "worker/agent/calls.h"
#include "worker/agent/outbox.h"

namespace octet::agent {

/// What the scheduler asks of a node. Called from the session's threads, one
/// call at a time; must not wait for the session.
class SessionHandler {
 public:
  virtual ~SessionHandler() = default;
  virtual v1::AgentHello Hello() = 0;
  /// Why the node is unfit for new work; asked before each heartbeat.
  virtual std::vector<std::string> Problems() { return {}; }
  /// Whether the agent is; asked like Problems.
  virtual bool Ending() { return false; }
  virtual void OnWelcome(const v1::AgentWelcome& welcome) = 0;
  /// The connection that was welcomed has ended.
  virtual void OnDisconnect() {}
  virtual void OnStart(const v1::StartAttempt& start) = 0;
  virtual void OnStop(const v1::StopAttempt& stop) = 0;
  virtual void OnRendezvous(const v1::RendezvousReady& ready) = 0;
  virtual void OnSignal(const v1::SignalAttempt& signal) = 0;
  virtual void OnInput(const v1::AttemptInput& input) = 0;
};

/// Dials the scheduler, says hello, heartbeats, sends what the outbox holds,
/// and dials again whenever the connection ends: first after some 50 ms, then
/// more slowly, at least every 2 s. Runs from construction to destruction.
class Session {
 public:
  Session(std::shared_ptr<grpc::Channel> scheduler, Outbox* outbox, SessionHandler* handler);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// The next one at once, ahead of what the outbox gets from now on.
  void SendHeartbeat();

 private:
  using Stream = grpc::ClientReaderWriter<v1::AgentMessage, v1::SchedulerMessage>;
  void Run();
  absl::Status Converse(bool* welcomed);
  void Send(Stream* stream, absl::Duration heartbeat_interval, const Cancellation& broken);
  void Receive(Stream* stream, Cancellation* broken);
  void Handle(const v1::SchedulerMessage& message);

  const std::unique_ptr<v1::AgentService::Stub> stub_;
  Outbox* const outbox_;
  SessionHandler* const handler_;
  std::atomic<bool> heartbeat_due_ = false;
  Cancellation stop_;
  std::thread thread_;
};

/// A channel that looks for an absent scheduler at least every second.
/// address: "unix:PATH" or "HOST:PORT".
std::shared_ptr<grpc::Channel> DialScheduler(
    const std::string& address, const std::shared_ptr<grpc::ChannelCredentials>& credentials);

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_SESSION_H_
