// What the simulation has found, each as small as it gets.
#include <memory>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "scheduler/server/controller.h"
#include "scheduler/server/job_spec.h"
#include "scheduler/server/metrics.h"
#include "tests/scheduler/core/driver.h"

namespace octet::scheduler {
namespace {

using ::testing::ElementsAre;

TEST(FoundBySimulationTest, AReleaseOfAJobThatHasEndedChangesNothing) {
  Driver d;
  const JobId id = d.Submit(1);
  d.Do(HoldRequested{id, "later"});
  d.Do(CancelRequested{id, "no use"});
  d.Do(ReleaseRequested{id});
  EXPECT_TRUE(d.last.changed.empty());
  EXPECT_EQ(d.job(id).reason, "cancelled: no use");
}

TEST(FoundBySimulationTest, ADrainThatEndsBeforeItsNodeIsBackChangesNoNode) {
  const absl::Time start = absl::FromUnixSeconds(1'000'000);
  Core core(CoreOptions{}, {}, start, {{"n1", {.reason = "repair", .end_time = start}}});
  const auto transition = core.Apply(Tick{}, start + absl::Seconds(1));
  ASSERT_TRUE(transition.ok());
  EXPECT_TRUE(core.drains().empty());
  EXPECT_THAT(transition->changed_drains, ElementsAre("n1"));
  EXPECT_TRUE(transition->changed_nodes.empty());
}

TEST(FoundBySimulationTest, ASchedulerThatStoodStillGivesNoNodeUp) {
  Driver d;
  d.Connect("n1", 1);
  const JobId id = d.Submit(1);
  d.now += absl::Seconds(60);
  d.Do(Tick{.was_deaf = true});
  EXPECT_TRUE(d.Runs(id));
  d.now += absl::Seconds(10);
  d.Do(Tick{});
  EXPECT_TRUE(d.Runs(id));
  d.now += absl::Seconds(1);
  d.Do(Tick{});
  EXPECT_FALSE(d.Runs(id));
}

TEST(FoundBySimulationTest, PreemptedNextStagesDoNotGoBeforeWhomTheyWerePreemptedFor) {
  Driver d(CoreOptions{.least_run_before_preemption = absl::ZeroDuration()});
  d.Connect("n1", 2);
  const JobId a = d.Submit(1, 0, {"train", "export"});
  const JobId b = d.Submit(1, 0, {"train", "export"});
  d.EndAll(a, true);
  d.EndAll(b, true);
  d.Do(JobSubmitted{.name = "high",
                    .owner = "ada",
                    .stages = {{.name = "train", .gang = {.slots = 2}}},
                    .priority = 1});
  const JobId high = d.last.created;
  for (const JobId low : {a, b}) {
    ASSERT_EQ(d.job(low).stage, 1u);
    ASSERT_EQ(d.job(low).live()->stop_cause, StopCause::kPreempt);
  }
  d.EndAll(a, false);
  d.EndAll(b, false);
  EXPECT_TRUE(d.Runs(high));
}

/// Keeps what it is sent.
class Inbox final : public AgentSession {
 public:
  void Send(v1::SchedulerMessage message) override { messages.push_back(std::move(message)); }
  void Close(const absl::Status&) override { closed = true; }

  std::vector<v1::SchedulerMessage> messages;
  bool closed = false;
};

/// Commits when it is told to.
class HeldCommitter final : public Committer {
 public:
  explicit HeldCommitter(Store& store) : store_(store) {}
  void Submit(Batch batch, Done done) override { queue_.emplace_back(batch, done); }
  void Resume() override {}
  void CommitAll() {
    for (auto& [batch, done] : std::exchange(queue_, {})) done(store_.Commit({batch}));
  }
  /// The scheduler dies before anybody is told.
  void CommitSilently() {
    for (auto& [batch, done] : std::exchange(queue_, {})) ASSERT_TRUE(store_.Commit({batch}).ok());
  }

 private:
  Store& store_;
  std::vector<std::pair<Batch, Done>> queue_;
};

class FoundInControllerTest : public ::testing::Test {
 protected:
  void Start() {
    auto committer = std::make_unique<HeldCommitter>(*store_);
    committer_ = committer.get();
    controller_ =
        *Controller::Open({.ticks = false}, *store_, metrics_, clock_, std::move(committer));
  }

  std::shared_ptr<Inbox> Connect(const std::string& name, const v1::AttemptRef* running = nullptr) {
    v1::AgentHello hello;
    hello.mutable_node()->set_name(name);
    v1::Slot& slot = *hello.mutable_node()->add_slots();
    slot.set_resource("cpu");
    slot.set_endpoint(name + ":1000");
    hello.set_agent_instance(name);
    if (running != nullptr) *hello.add_running() = *running;
    auto inbox = std::make_shared<Inbox>();
    EXPECT_TRUE(controller_->ConnectAgent(hello, inbox).ok());
    return inbox;
  }

  void Submit(int slots) {
    CreateRequest request;
    request.submitted.mutable_command()->add_argv("true");
    request.submitted.mutable_command()->mutable_gang()->set_slots(slots);
    request.spec = request.submitted;
    FillDefaults(request.spec, "cpu");
    ASSERT_TRUE(controller_->BeginCreate(request, [](const absl::StatusOr<JobId>&) {}).ok());
  }

  ManualClock clock_;
  Metrics metrics_;
  const std::unique_ptr<Store> store_ = NewMemoryStore();
  HeldCommitter* committer_ = nullptr;
  std::unique_ptr<Controller> controller_;
};

TEST_F(FoundInControllerTest, AStartThatIsRepeatedAfterARestartKnowsWhereEveryRankIs) {
  Start();
  Connect("n1");
  Connect("n2");
  committer_->CommitAll();
  Submit(2);
  committer_->CommitSilently();
  Start();
  const auto n1 = Connect("n1");  // n2 is not back yet
  committer_->CommitAll();
  ASSERT_EQ(n1->messages.size(), 2u);
  EXPECT_THAT(n1->messages[1].start_attempt().rank_endpoints(), ElementsAre("n1:1000", "n2:1000"));
}

TEST_F(FoundInControllerTest, AnAgentHearsItsWelcomeBeforeASignal) {
  Start();
  const auto first = Connect("n1");
  Submit(1);
  committer_->CommitAll();
  v1::AttemptReport started;
  started.set_sequence(1);
  started.mutable_started();
  *started.mutable_ref() = first->messages.back().start_attempt().ref();
  controller_->Report("n1", first, started, nullptr);
  committer_->CommitAll();
  const auto second = Connect("n1", &started.ref());
  ASSERT_TRUE(controller_->SignalJob("j1", 10).ok());
  committer_->CommitAll();
  ASSERT_EQ(second->messages.size(), 2u);
  EXPECT_TRUE(second->messages[0].has_welcome());
  EXPECT_TRUE(second->messages[1].has_signal_attempt());
}

}  // namespace
}  // namespace octet::scheduler
