#include "tests/scheduler/faults/agent.h"

#include <algorithm>
#include <utility>

#include "google/protobuf/util/time_util.h"

namespace octet::scheduler::faults {
namespace {

using google::protobuf::util::TimeUtil;

constexpr absl::Duration kFirstBackoff = absl::Milliseconds(50);
constexpr absl::Duration kLongestBackoff = absl::Seconds(2);
constexpr absl::Duration kStopGrace = absl::Seconds(30);
constexpr absl::Duration kLongestShutdown = absl::Seconds(36);

v1::RanksEnded Stopped() {
  v1::RanksEnded ended;
  ended.set_stopped(true);
  return ended;
}

absl::Duration ToAbsl(const google::protobuf::Duration& duration) {
  return absl::Nanoseconds(TimeUtil::DurationToNanoseconds(duration));
}

}  // namespace

Agent::Agent(const World& world, std::string name, int slots, std::string switch_name)
    : world_(world),
      name_(std::move(name)),
      switch_name_(std::move(switch_name)),
      slots_(slots),
      backoff_(kFirstBackoff) {}

// --- Life ------------------------------------------------------------------------

void Agent::Start(absl::Duration lifetime) {
  if (alive_) return;
  alive_ = true;
  ++life_;
  instance_ = absl::StrCat(name_, "#", life_);
  end_of_life_ =
      lifetime == absl::InfiniteDuration() ? absl::InfiniteFuture() : world_.clock.Now() + lifetime;
  world_.loop.Trace("agent ", instance_, " starts",
                    lifetime == absl::InfiniteDuration()
                        ? ""
                        : absl::StrCat(", for ", absl::FormatDuration(lifetime)));
  if (lifetime != absl::InfiniteDuration()) After(lifetime, [this] { Kill(); });
  backoff_ = kFirstBackoff;
  Dial();
}

void Agent::Kill() {
  if (!alive_) return;
  world_.loop.Trace("agent ", instance_, " is gone");
  if (stream_ != nullptr) world_.network.Leave(stream_);
  End();
}

void Agent::Vanish() {
  if (!alive_) return;
  world_.loop.Trace("node ", name_, " is gone for good");
  End();
}

void Agent::End() {
  alive_ = shutting_down_ = false;
  for (auto& [key, attempt] : attempts_) {
    if (attempt.state != Attempt::State::kRunning) continue;
    world_.oracle.OnRanksEnd(name_, attempt.start);
    world_.gangs.Leave(name_, attempt.start, false);
  }
  attempts_.clear();
  outbox_.clear();
  last_sequence_ = 0;
  welcomed_ = false;
  stream_ = nullptr;
  ++life_;
}

void Agent::Shutdown() {
  if (!alive_ || shutting_down_) return;
  world_.loop.Trace("agent ", instance_, " is asked to end");
  shutting_down_ = true;
  std::vector<Key> keys;
  for (const auto& [key, attempt] : attempts_) keys.push_back(key);
  for (const Key& key : keys) Stop(key, kStopGrace);
  After(kLongestShutdown, [this] { Kill(); });
  LeaveWhenDone();
}

void Agent::LeaveWhenDone() {
  const bool done =
      outbox_.empty() && std::all_of(attempts_.begin(), attempts_.end(), [](const auto& attempt) {
        return attempt.second.state == Attempt::State::kEnded;
      });
  if (done) return Kill();
  After(absl::Milliseconds(100), [this] { LeaveWhenDone(); });
}

void Agent::After(absl::Duration delay, std::function<void()> event) {
  world_.loop.After(delay, [this, life = life_, event = std::move(event)] {
    if (alive_ && life_ == life) event();
  });
}

// --- The conversation, as worker/agent/session.cc holds it -------------------------

void Agent::Dial() {
  welcomed_ = false;
  stream_ = world_.network.Dial(*this, Hello());
}

v1::AgentHello Agent::Hello() const {
  v1::AgentHello hello;
  v1::Node& node = *hello.mutable_node();
  node.set_name(name_);
  (*node.mutable_labels())["switch"] = switch_name_;
  for (int i = 0; i < slots_; ++i) {
    v1::Slot& slot = *node.add_slots();
    slot.set_index(i);
    slot.set_resource("cpu");
    slot.set_endpoint(absl::StrCat(name_, ":", 1000 + i));
  }
  if (end_of_life_ != absl::InfiniteFuture())
    *node.mutable_end_of_life_time() =
        TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(end_of_life_));
  hello.set_agent_instance(instance_);
  std::map<Key, v1::AttemptRef> running;
  for (const auto& [key, attempt] : attempts_)
    if (attempt.state != Attempt::State::kEnded) running[key] = attempt.start.ref();
  for (const Report& each : outbox_)
    if (each.report.has_ended())
      running[{each.report.ref().job_id(), each.report.ref().attempt()}] = each.report.ref();
  for (const auto& [key, ref] : running) *hello.add_running() = ref;
  return hello;
}

void Agent::OnBroken(const std::shared_ptr<Stream>& stream) {
  if (!alive_ || stream != stream_) return;
  stream_ = nullptr;
  welcomed_ = false;
  After(world_.loop.Between(backoff_ / 2, backoff_), [this] {
    if (stream_ == nullptr) Dial();
  });
  backoff_ = std::min(2 * backoff_, kLongestBackoff);
}

void Agent::BreakStream() {
  if (alive_ && stream_ != nullptr) world_.network.Break(stream_);
}

void Agent::OnMessage(const std::shared_ptr<Stream>& stream, const v1::SchedulerMessage& message) {
  if (!alive_ || stream != stream_) return;
  if (!welcomed_) {
    if (!message.has_welcome())
      return world_.loop.Fail(
          absl::StrCat("the scheduler's first word to ", name_, " is ", Describe(message)));
    Welcome(message.welcome());
    HeartbeatOn(stream);
    return;
  }
  if (message.has_start_attempt()) return OnStart(message.start_attempt());
  if (message.has_stop_attempt()) {
    const v1::StopAttempt& stop = message.stop_attempt();
    return Stop({stop.ref().job_id(), stop.ref().attempt()}, ToAbsl(stop.grace()));
  }
  if (message.has_rendezvous_ready()) {
    const v1::AttemptRef& ref = message.rendezvous_ready().ref();
    if (Attempt* attempt = Find(ref)) {
      attempt->meets = true;
      Join({ref.job_id(), ref.attempt()});
    }
  }
  if (message.has_report_ack())
    std::erase_if(outbox_, [&](const Report& each) {
      return each.report.sequence() != 0 &&
             each.report.sequence() <= message.report_ack().sequence();
    });
}

void Agent::Welcome(const v1::AgentWelcome& welcome) {
  welcomed_ = true;
  backoff_ = kFirstBackoff;
  for (const v1::AttemptRef& ref : welcome.unwanted()) Abandon({ref.job_id(), ref.attempt()});
  for (Report& each : outbox_) each.sent = false;
  Pump();
}

void Agent::HeartbeatOn(const std::shared_ptr<Stream>& stream) {
  After(absl::Seconds(2), [this, stream] {
    if (stream != stream_ || !welcomed_) return;
    v1::AgentMessage message;
    message.mutable_heartbeat();
    world_.network.Send(stream, std::move(message));
    HeartbeatOn(stream);
  });
}

void Agent::Add(v1::AttemptReport report) {
  report.set_sequence(++last_sequence_);
  outbox_.push_back({std::move(report)});
  Pump();
}

void Agent::Pump() {
  if (!welcomed_) return;
  for (Report& each : outbox_) {
    if (std::exchange(each.sent, true)) continue;
    v1::AgentMessage message;
    *message.mutable_report() = each.report;
    world_.network.Send(stream_, std::move(message));
  }
}

// --- Attempts, as worker/agent/agent.cc and attempt.cc run them ---------------------

Agent::Attempt* Agent::Find(const v1::AttemptRef& ref) {
  const auto found = attempts_.find({ref.job_id(), ref.attempt()});
  return found == attempts_.end() ? nullptr : &found->second;
}

void Agent::OnStart(const v1::StartAttempt& start) {
  const Key key(start.ref().job_id(), start.ref().attempt());
  std::vector<Key> older;
  for (const auto& [each, attempt] : attempts_)
    if (each.first == key.first && each.second < key.second) older.push_back(each);
  for (const Key& each : older) Abandon(each);
  if (shutting_down_ || attempts_.contains(key)) return;
  std::erase_if(attempts_,
                [](const auto& attempt) { return attempt.second.state == Attempt::State::kEnded; });
  attempts_[key] = {.start = start};
  const absl::Duration preparing =
      world_.weather.Has(world_.loop, 0.1)
          ? world_.loop.Between(absl::Milliseconds(10), absl::Seconds(4))
          : world_.loop.Between(absl::Milliseconds(1), absl::Milliseconds(50));
  After(preparing, [this, key] { StartRanks(key); });
}

void Agent::StartRanks(const Key& key) {
  const auto found = attempts_.find(key);
  if (found == attempts_.end() || found->second.state != Attempt::State::kPreparing) return;
  Attempt& attempt = found->second;
  if (attempt.stopping) return RanksGone(key, Stopped(), false);
  attempt.state = Attempt::State::kRunning;
  world_.oracle.OnRanksStart(name_, attempt.start);
  v1::AttemptReport report;
  *report.mutable_ref() = attempt.start.ref();
  report.mutable_started()->add_pids(1);
  Add(report);
  const bool first = attempt.start.ranks(0) == 0;
  const bool alone = attempt.start.single_node() || attempt.start.stage() == "command";
  if (first && !alone) {
    report.set_rendezvous_endpoint(name_ + ":1");
    Add(report);
  }
  attempt.meets = attempt.meets || first || alone;
  Join(key);
}

void Agent::Join(const Key& key) {
  Attempt& attempt = attempts_.at(key);
  if (attempt.state == Attempt::State::kRunning && attempt.meets)
    world_.gangs.Join(name_, this, attempt.start);
}

void Agent::OnWork(const v1::StartAttempt& start, const v1::AttemptReport& event) {
  v1::AttemptReport report = event;
  *report.mutable_ref() = start.ref();
  if (!report.has_progress()) return Add(std::move(report));
  if (!welcomed_) return;
  v1::AgentMessage message;
  *message.mutable_report() = std::move(report);
  world_.network.Send(stream_, std::move(message));
}

void Agent::OnFate(const v1::StartAttempt& start, const v1::RanksEnded& ended) {
  RanksGone({start.ref().job_id(), start.ref().attempt()}, ended, false);
}

void Agent::Stop(const Key& key, absl::Duration grace) {
  const auto found = attempts_.find(key);
  if (found == attempts_.end()) return;
  found->second.stopping = true;
  if (found->second.state != Attempt::State::kRunning) return;
  const absl::Duration leaves =
      world_.loop.Between({}, std::min(grace, absl::Seconds(3)) + absl::Milliseconds(20));
  After(leaves,
        [this, key, saves = grace > absl::ZeroDuration()] { RanksGone(key, Stopped(), saves); });
}

void Agent::Abandon(const Key& key) {
  const auto found = attempts_.find(key);
  if (found == attempts_.end()) return;
  found->second.stopping = true;
  if (found->second.state == Attempt::State::kRunning) RanksGone(key, Stopped(), false);
}

// The end is reported when files and logs are stored.
void Agent::RanksGone(const Key& key, const v1::RanksEnded& ended, bool saved) {
  const auto found = attempts_.find(key);
  if (found == attempts_.end() || found->second.state >= Attempt::State::kStoring) return;
  Attempt& attempt = found->second;
  if (attempt.state == Attempt::State::kRunning) {
    world_.oracle.OnRanksEnd(name_, attempt.start);
    world_.gangs.Leave(name_, attempt.start, saved);
  }
  attempt.state = Attempt::State::kStoring;
  const absl::Duration storing = world_.weather.Has(world_.loop, 0.1)
                                     ? world_.loop.Between({}, absl::Seconds(2))
                                     : world_.loop.Between({}, absl::Milliseconds(30));
  After(storing, [this, key, ended] {
    Attempt& attempt = attempts_.at(key);
    attempt.state = Attempt::State::kEnded;
    v1::AttemptReport report;
    *report.mutable_ref() = attempt.start.ref();
    *report.mutable_ended() = ended;
    Add(std::move(report));
  });
}

}  // namespace octet::scheduler::faults
