// An agent that follows the protocol of worker/agent, with ranks that only
// pass the time.
#ifndef OCTET_TESTS_SCHEDULER_FAULTS_AGENT_H_
#define OCTET_TESTS_SCHEDULER_FAULTS_AGENT_H_

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "octet/v1/agents.pb.h"
#include "tests/scheduler/faults/gangs.h"
#include "tests/scheduler/faults/loop.h"
#include "tests/scheduler/faults/network.h"
#include "tests/scheduler/faults/oracle.h"

namespace octet::scheduler::faults {

/// One node, over any number of lives of its agent.
class Agent final : public AgentEnd, public PartEnd {
 public:
  struct World {
    Loop& loop;
    const Weather& weather;
    Network& network;
    Oracle& oracle;
    Gangs& gangs;
    const Clock& clock;
  };
  Agent(const World& world, std::string name, int slots, std::string switch_name);

  /// The process starts. lifetime: what it announces; infinite: nothing.
  void Start(absl::Duration lifetime = absl::InfiniteDuration());
  /// SIGKILL: its ranks go with it.
  void Kill();
  /// The machine loses its power: nobody is told.
  void Vanish();
  /// SIGTERM: it stops its ranks, reports, and goes.
  void Shutdown();
  void BreakStream();
  bool alive() const { return alive_; }
  bool shutting_down() const { return shutting_down_; }
  const std::string& name() const { return name_; }

  // AgentEnd
  void OnMessage(const std::shared_ptr<Stream>& stream,
                 const v1::SchedulerMessage& message) override;
  void OnBroken(const std::shared_ptr<Stream>& stream) override;
  // PartEnd
  void OnWork(const v1::StartAttempt& start, const v1::AttemptReport& event) override;
  void OnFate(const v1::StartAttempt& start, const v1::RanksEnded& ended) override;

 private:
  using Key = std::pair<std::string, int>;  // job and attempt
  struct Attempt {
    enum class State { kPreparing, kRunning, kStoring, kEnded };
    v1::StartAttempt start;
    State state = State::kPreparing;
    bool stopping = false, meets = false;  // meets: knows where rank 0 is
  };
  struct Report {
    v1::AttemptReport report;
    bool sent = false;
  };

  /// Runs it unless this life of the agent is over.
  void After(absl::Duration delay, std::function<void()> event);
  void End();
  void Dial();
  v1::AgentHello Hello() const;
  void Welcome(const v1::AgentWelcome& welcome);
  void HeartbeatOn(const std::shared_ptr<Stream>& stream);
  void OnStart(const v1::StartAttempt& start);
  void StartRanks(const Key& key);
  void Join(const Key& key);
  void Stop(const Key& key, absl::Duration grace);
  void Abandon(const Key& key);
  void RanksGone(const Key& key, const v1::RanksEnded& ended, bool saved);
  void Add(v1::AttemptReport report);
  void Pump();
  void LeaveWhenDone();
  Attempt* Find(const v1::AttemptRef& ref);

  const World world_;
  const std::string name_, switch_name_;
  const int slots_;
  absl::Time end_of_life_ = absl::InfiniteFuture();

  bool alive_ = false, shutting_down_ = false;
  int life_ = 0;
  std::string instance_;
  std::shared_ptr<Stream> stream_;
  bool welcomed_ = false;
  absl::Duration backoff_;
  std::map<Key, Attempt> attempts_;
  std::deque<Report> outbox_;
  int64_t last_sequence_ = 0;
};

}  // namespace octet::scheduler::faults

#endif  // OCTET_TESTS_SCHEDULER_FAULTS_AGENT_H_
