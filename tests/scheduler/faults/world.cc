#include "tests/scheduler/faults/world.h"

#include <exception>
#include <memory>
#include <vector>

#include "tests/scheduler/faults/agent.h"
#include "tests/scheduler/faults/disk.h"
#include "tests/scheduler/faults/gangs.h"
#include "tests/scheduler/faults/loop.h"
#include "tests/scheduler/faults/network.h"
#include "tests/scheduler/faults/oracle.h"
#include "tests/scheduler/faults/scheduler_process.h"
#include "tests/scheduler/faults/users.h"

namespace octet::scheduler::faults {
namespace {

// By then whatever can end has ended: the longest wait after a failure is five
// minutes, and the wall clock may have been set back by ten.
constexpr absl::Duration kLongestCalm = absl::Hours(1);
constexpr absl::Duration kSettling = absl::Seconds(60);
constexpr int kStepsBetweenQuietChecks = 10;

class World {
 public:
  World(uint64_t seed, bool trace) : loop_(seed, trace) { Build(); }
  Outcome Live();

 private:
  void Build();
  void BuildTeams(int slots);
  void Mix();
  void RunUntil(absl::Duration end);
  void CalmDown();
  void ActAgain();
  void HurtAgain();
  void Hurt();
  void WatchAgents();
  absl::Duration Lifetime();
  bool IsGone(const Agent& agent) const {
    return weather_.calm && loses_a_node_ && &agent == agents_.back().get();
  }
  Agent& AnyAgent() { return *agents_[loop_.Below(static_cast<int>(agents_.size()))]; }
  void CutOffAll();

  Loop loop_;
  Weather weather_;
  CoreOptions options_;
  Disk disk_;
  std::unique_ptr<Oracle> oracle_;
  std::unique_ptr<Gangs> gangs_;
  std::unique_ptr<SchedulerProcess> scheduler_;
  std::unique_ptr<Network> network_;
  std::vector<std::unique_ptr<Agent>> agents_;
  std::unique_ptr<Users> users_;

  std::vector<int> faults_;  // the kinds that this history has
  absl::Duration between_faults_, between_acts_;
  bool short_lives_ = false;   // agents announce their end
  bool loses_a_node_ = false;  // for good, at the end
};

enum Fault {
  kBreakStream,
  kKillAgent,
  kShutDownAgent,
  kCutOffNode,
  kCutOffAll,
  kKillScheduler,
  kKillBetweenEffects,
  kFreezeScheduler,
  kSetWallClock,
  kLoseDisk,
  kFlap,
  kFaults
};

void World::Build() {
  const int nodes = 2 + loop_.Below(4), slots = 1 + loop_.Below(4);
  BuildTeams(nodes * slots);
  Mix();
  gangs_ = std::make_unique<Gangs>(loop_, weather_);
  scheduler_ = std::make_unique<SchedulerProcess>(
      loop_, weather_, disk_, options_,
      SchedulerProcess::Hooks{
          .on_death = [this] { network_->SchedulerDied(); },
          .on_start = [this](const Controller& controller) { oracle_->OnStart(controller); },
          .before_tick =
              [this](const Controller& controller) { oracle_->BeforeTick(controller); }});
  oracle_ = std::make_unique<Oracle>(loop_, options_, scheduler_->clock());
  disk_.on_durable = [this](const Batch& batch) { oracle_->OnDurable(batch); };
  network_ = std::make_unique<Network>(loop_, weather_, *oracle_, *scheduler_);
  std::vector<std::string> names;
  for (int i = 0; i < nodes; ++i) {
    names.push_back(absl::StrCat("n", i));
    agents_.push_back(std::make_unique<Agent>(
        Agent::World{loop_, weather_, *network_, *oracle_, *gangs_, scheduler_->clock()},
        names.back(), slots, absl::StrCat("s", i % 2)));
  }
  users_ = std::make_unique<Users>(Users::World{loop_, weather_, *network_, *scheduler_, *oracle_,
                                                *gangs_, options_, names, slots});
}

void World::BuildTeams(int slots) {
  options_.teams = {
      {"red", {.weight = 2, .quota = {{"cpu", (slots + 1) / 2}}}},
      {"green", {.quota = {{"cpu", slots / 4}}, .limit = {{"cpu", std::max(1, slots / 2)}}}},
      {"blue", {}}};
  options_.least_run_before_preemption = absl::Seconds(3);
  options_.resize_interval = absl::Seconds(15);
  options_.leave_before_end = absl::Seconds(10);
  options_.least_useful_run = absl::Seconds(5);
  options_.quarantine_time = absl::Minutes(2);
}

// Few kinds of faults at a time reach states that all of them together do not.
void World::Mix() {
  for (int fault = 0; fault < kFaults; ++fault)
    if (loop_.Chance(0.35)) faults_.push_back(fault);
  between_faults_ = loop_.Between(absl::Seconds(3), absl::Seconds(25));
  between_acts_ = loop_.Between(absl::Milliseconds(800), absl::Seconds(8));
  short_lives_ = loop_.Chance(0.2);
  loses_a_node_ = loop_.Chance(0.15);
  const auto sometimes = [this](double most) {
    return loop_.Chance(0.4) ? loop_.Below(1000) / 1000.0 * most : 0.0;
  };
  weather_.delay = sometimes(0.3);
  weather_.longest_delay = loop_.Between(absl::Milliseconds(5), absl::Seconds(4));
  weather_.doubled = sometimes(0.2);
  weather_.lost = sometimes(0.2);
  weather_.write_fails = sometimes(0.03);
  weather_.write_stalls = sometimes(0.02);
  weather_.killed_at_write = sometimes(0.04);
  weather_.rank_fails = sometimes(0.6);
}

absl::Duration World::Lifetime() {
  if (weather_.calm || !short_lives_ || loop_.Chance(0.5)) return absl::InfiniteDuration();
  return loop_.Between(absl::Seconds(10), absl::Seconds(200));
}

void World::ActAgain() {
  loop_.After(loop_.Between({}, 2 * between_acts_), [this] {
    if (weather_.calm) return;
    users_->Act();
    ActAgain();
  });
}

void World::HurtAgain() {
  if (faults_.empty()) return;
  loop_.After(loop_.Between({}, 2 * between_faults_), [this] {
    if (weather_.calm) return;
    Hurt();
    HurtAgain();
  });
}

void World::CutOffAll() {
  const absl::Duration how_long = loop_.Between({}, absl::Seconds(40));
  for (const auto& agent : agents_)
    network_->CutOff(agent->name(), how_long + loop_.Between({}, absl::Milliseconds(100)));
}

void World::Hurt() {
  switch (faults_[loop_.Below(static_cast<int>(faults_.size()))]) {
    case kBreakStream:
      return AnyAgent().BreakStream();
    case kKillAgent:
      return AnyAgent().Kill();
    case kShutDownAgent:
      return AnyAgent().Shutdown();
    case kCutOffNode:
      return network_->CutOff(AnyAgent().name(), loop_.Between({}, absl::Seconds(40)));
    case kCutOffAll:
      return CutOffAll();
    case kKillScheduler:
      return scheduler_->Kill(loop_.Between(absl::Milliseconds(100), absl::Seconds(15)));
    case kKillBetweenEffects:
      return scheduler_->KillAfterSends(loop_.Below(4));
    case kFreezeScheduler:
      return scheduler_->Freeze(loop_.Between(absl::Seconds(1), absl::Seconds(25)));
    case kSetWallClock:
      return scheduler_->SetWallClock(loop_.Between(-absl::Minutes(10), absl::Minutes(10)));
    case kLoseDisk:
      disk_.unreadable = true;
      loop_.After(loop_.Between({}, absl::Seconds(10)), [this] { disk_.unreadable = false; });
      return scheduler_->Kill(absl::Milliseconds(100));
    case kFlap: {
      Agent& agent = AnyAgent();
      agent.Kill();
      loop_.After(absl::Milliseconds(100 + loop_.Below(2000)),
                  [this, &agent] { agent.Start(Lifetime()); });
      return;
    }
  }
}

// Whoever looks after the machines starts agents that have ended.
void World::WatchAgents() {
  for (const auto& agent : agents_)
    if (!agent->alive() && !IsGone(*agent) && (weather_.calm || loop_.Chance(0.15)))
      agent->Start(Lifetime());
  loop_.After(absl::Seconds(1), [this] { WatchAgents(); });
}

void World::RunUntil(absl::Duration end) {
  while (loop_.now() < end && loop_.Step()) {
    if (!scheduler_->alive()) {
      oracle_->AfterEvent(nullptr);
      continue;
    }
    oracle_->AfterEvent(network_.get());
    if (loop_.steps() % kStepsBetweenQuietChecks == 0 && scheduler_->idle())
      oracle_->CheckQuiet(scheduler_->controller());
  }
}

void World::CalmDown() {
  loop_.Trace("calm: no more faults from here on");
  weather_.calm = true;
  network_->Heal();
  scheduler_->KillAfterSends(-1);
  if (loses_a_node_) agents_.back()->Vanish();
  const int nodes_left = static_cast<int>(agents_.size()) - loses_a_node_;
  const absl::Duration end = loop_.now() + kLongestCalm;
  while (loop_.failure().empty() && loop_.now() < end) {
    users_->GiveBack(nodes_left);
    RunUntil(loop_.now() + absl::Seconds(10));
    if (users_->idle() && oracle_->AllEnded()) break;
  }
  RunUntil(loop_.now() + kSettling);
  if (!loop_.failure().empty()) return;
  if (!scheduler_->alive()) return loop_.Fail("the scheduler does not come back");
  oracle_->CheckQuiet(scheduler_->controller());
  oracle_->CheckEnd(scheduler_->controller());
}

Outcome World::Live() {
  scheduler_->Start();
  for (const auto& agent : agents_) agent->Start(Lifetime());
  ActAgain();
  HurtAgain();
  WatchAgents();
  RunUntil(loop_.Between(absl::Seconds(60), absl::Seconds(240)));
  if (loop_.failure().empty()) CalmDown();
  return {.failure = loop_.failure(),
          .seconds = absl::ToDoubleSeconds(loop_.now()),
          .events = loop_.steps(),
          .jobs = static_cast<int>(oracle_->jobs().size()),
          .fingerprint = loop_.fingerprint()};
}

}  // namespace

Outcome RunSeed(uint64_t seed, bool trace) {
  // A scheduler that throws has failed, and what it was about is worth a seed.
  try {
    return World(seed, trace).Live();
  } catch (const std::exception& thrown) {
    return {.failure = std::string("the scheduler throws: ") + thrown.what()};
  }
}

}  // namespace octet::scheduler::faults
