// The network between agents and the scheduler, in place of gRPC.
#ifndef OCTET_TESTS_SCHEDULER_FAULTS_NETWORK_H_
#define OCTET_TESTS_SCHEDULER_FAULTS_NETWORK_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "octet/v1/agents.pb.h"
#include "scheduler/server/controller.h"
#include "tests/scheduler/faults/loop.h"
#include "tests/scheduler/faults/oracle.h"

namespace octet::scheduler::faults {

class Network;
class SchedulerProcess;
class Stream;

/// An agent's end of its streams.
class AgentEnd {
 public:
  virtual ~AgentEnd() = default;
  virtual void OnMessage(const std::shared_ptr<Stream>& stream,
                         const v1::SchedulerMessage& message) = 0;
  virtual void OnBroken(const std::shared_ptr<Stream>& stream) = 0;
};

/// One connection, as worker/agent/session.cc and scheduler/server/agent_stream.cc
/// see it: what one side sends arrives in order, up to some moment, or later.
class Stream final : public AgentSession, public std::enable_shared_from_this<Stream> {
 public:
  Stream(Network& network, AgentEnd& agent, const v1::AgentHello& hello, int number, int life)
      : network_(network),
        agent_(agent),
        node_(hello.node().name()),
        instance_(hello.agent_instance()),
        number_(number),
        life_(life) {}

  void Send(v1::SchedulerMessage message) override;
  void Close(const absl::Status& status) override;

 private:
  friend class Network;

  Network& network_;
  AgentEnd& agent_;
  const std::string node_, instance_;
  const int number_, life_;  // life: of the scheduler that it leads to

  // Arrival of the last message that was sent in each direction.
  absl::Duration last_up_ = absl::ZeroDuration(), last_down_ = absl::ZeroDuration();
  bool agent_left_ = false;  // the agent's side is at its end
  bool taken_ = false;       // the controller has taken it
  bool welcomed_ = false;    // the scheduler has told so
  bool closed_ = false;      // by the scheduler
  int reads_ = -1;           // messages that the scheduler still reads; < 0: all
  bool read_ended_ = false;  // the scheduler has noticed the end
  absl::Duration cut_ = absl::InfiniteDuration();  // what arrives later is lost
};

/// A stream keeps its order, as HTTP/2 does. Messages are late, come twice, and
/// are lost from some moment on, when the stream breaks; the two sides notice
/// that at different times, so that what was sent on an old stream can come
/// after what was sent on the new one.
class Network {
 public:
  Network(Loop& loop, const Weather& weather, Oracle& oracle, SchedulerProcess& scheduler)
      : loop_(loop), weather_(weather), oracle_(oracle), scheduler_(scheduler) {}

  /// The agent's first message goes with it. `agent` hears of the end exactly
  /// once, unless it leaves before.
  std::shared_ptr<Stream> Dial(AgentEnd& agent, const v1::AgentHello& hello);
  void Send(const std::shared_ptr<Stream>& stream, v1::AgentMessage message);
  /// The agent's process has gone.
  void Leave(const std::shared_ptr<Stream>& stream);
  /// The connection is torn.
  void Break(const std::shared_ptr<Stream>& stream);
  /// Nothing passes between the node and the scheduler for so long.
  void CutOff(const std::string& node, absl::Duration how_long);
  /// Everything passes from now on.
  void Heal() { cut_until_.clear(); }
  /// The scheduler has died: its machine tells everybody.
  void SchedulerDied();
  /// With a stream on which the scheduler has welcomed them and that it has not closed.
  std::set<std::string> OpenNodes() const;
  /// How long a message takes now.
  absl::Duration Latency();

 private:
  friend class Stream;

  absl::Duration Arrival(const std::string& node, absl::Duration& last);
  void Deliver(const std::shared_ptr<Stream>& stream, const v1::AgentMessage& message);
  void Take(const std::shared_ptr<Stream>& stream, const v1::AgentMessage& message);
  void EndReadingAfter(const std::shared_ptr<Stream>& stream, absl::Duration after);
  void EndReading(const std::shared_ptr<Stream>& stream);
  void EndForAgent(const std::shared_ptr<Stream>& stream, absl::Duration after);
  bool Reaches(const Stream& stream) const;

  Loop& loop_;
  const Weather& weather_;
  Oracle& oracle_;
  SchedulerProcess& scheduler_;
  std::map<std::string, absl::Duration> cut_until_;
  std::map<std::string, int> current_;  // by node, the stream that was taken last
  std::vector<std::weak_ptr<Stream>> streams_;
  int next_stream_ = 1;
};

/// For traces.
std::string Describe(const v1::AgentMessage& message);
std::string Describe(const v1::SchedulerMessage& message);

}  // namespace octet::scheduler::faults

#endif  // OCTET_TESTS_SCHEDULER_FAULTS_NETWORK_H_
