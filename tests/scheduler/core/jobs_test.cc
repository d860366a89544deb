// What owners and operators ask of jobs and nodes beyond submit and cancel.
#include "gmock/gmock.h"
#include "tests/scheduler/core/driver.h"

namespace octet::scheduler {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

JobSubmitted OneSlot(const std::string& owner = "ada") {
  JobSubmitted event{.name = "job", .owner = owner};
  event.stages.push_back({.name = "train", .gang = {.slots = 1}, .saves = true});
  return event;
}

JobId Submit(Driver& d, const JobSubmitted& event) {
  d.Do(event);
  return d.last.created;
}

TEST(HoldTest, AHeldJobStartsOnlyWhenReleased) {
  Driver d;
  d.Connect("n1", 1);
  JobSubmitted event = OneSlot();
  event.held = true;
  const JobId id = Submit(d, event);
  EXPECT_FALSE(d.Runs(id));
  EXPECT_EQ(d.Reason(id).code, PendingCode::kHeld);
  d.Do(ReleaseRequested{id});
  EXPECT_TRUE(d.Runs(id));
}

TEST(HoldTest, AJobThatRunsGoesOnButDoesNotStartAgain) {
  Driver d;
  d.Connect("n1", 1);
  const JobId id = Submit(d, OneSlot());
  d.Do(HoldRequested{id, "the disk is being moved"});
  EXPECT_TRUE(d.Runs(id));
  d.Do(RequeueRequested{id, ""});
  d.EndAll(id, false);
  EXPECT_FALSE(d.Runs(id));
  EXPECT_THAT(d.Why(id), HasSubstr("the disk is being moved"));
}

TEST(RequeueTest, AJobGoesBackToTheQueueWithoutCountingARestart) {
  Driver d;
  d.Connect("n1", 1);
  const JobId id = Submit(d, OneSlot());
  d.Do(RequeueRequested{id, "new image"});
  ASSERT_THAT(Only<StopAttempt>(d.last.effects), SizeIs(1));
  d.EndAll(id, false);
  EXPECT_TRUE(d.Runs(id));
  EXPECT_EQ(d.job(id).attempts.size(), 2u);
  EXPECT_EQ(d.job(id).restarts, 0);
  EXPECT_FALSE(d.core.Apply(RequeueRequested{Submit(d, OneSlot()), ""}, d.now).ok());
}

TEST(DependencyTest, AJobStartsWhenTheOneBeforeItHasSucceeded) {
  Driver d;
  d.Connect("n1", 2);
  const JobId first = Submit(d, OneSlot());
  JobSubmitted event = OneSlot();
  event.after = {{first}};
  const JobId second = Submit(d, event);
  EXPECT_FALSE(d.Runs(second));
  EXPECT_EQ(d.Reason(second).code, PendingCode::kDependency);
  EXPECT_EQ(d.Reason(second).job, first);
  d.EndAll(first, true);
  EXPECT_TRUE(d.Runs(second));
}

TEST(DependencyTest, WhatCanNotComeAboutAnyMoreCancelsTheJobAndThoseAfterIt) {
  Driver d;
  d.Connect("n1", 2);
  const JobId first = Submit(d, OneSlot());
  JobSubmitted event = OneSlot();
  event.after = {{first}};
  const JobId second = Submit(d, event);
  event.after = {{second}};
  const JobId third = Submit(d, event);
  event.after = {{first, Dependency::Condition::kFailed}};
  const JobId clean_up = Submit(d, event);
  d.EndAll(first, false, Failure{.failure_class = FailureClass::kJob, .message = "bug"});
  EXPECT_EQ(d.job(second).state, JobState::kCancelled);
  EXPECT_THAT(d.job(second).reason, HasSubstr("after job j1 had succeeded, which will not be"));
  EXPECT_EQ(d.job(third).state, JobState::kCancelled);
  EXPECT_TRUE(d.Runs(clean_up));
}

TEST(ArrayTest, MakesItsJobsAndRunsNoMoreAtOnceThanItMay) {
  Driver d;
  d.Connect("n1", 8);
  JobSubmitted event = OneSlot();
  event.count = 5;
  event.max_running = 2;
  const JobId first = Submit(d, event);
  EXPECT_EQ(d.core.running().size(), 2u);
  EXPECT_EQ(d.job(first + 4).array_index, 4);
  EXPECT_EQ(d.job(first + 4).array, first);
  EXPECT_EQ(d.job(first + 4).name, "job-4");
  EXPECT_EQ(d.Reason(first + 4).code, PendingCode::kArray);
  EXPECT_TRUE(d.Runs(Submit(d, OneSlot()))) << "others are not held up";
  d.EndAll(first, true);
  EXPECT_TRUE(d.Runs(first + 2));
}

TEST(TimeLimitTest, StopsTheAttemptAndFailsTheJobByName) {
  Driver d;
  d.Connect("n1", 1);
  JobSubmitted event = OneSlot();
  event.time_limit = absl::Minutes(10);
  const JobId id = Submit(d, event);
  d.Pass(absl::Minutes(9));
  EXPECT_THAT(d.last.effects, IsEmpty());
  d.Pass(absl::Minutes(2));
  ASSERT_THAT(Only<StopAttempt>(d.last.effects), SizeIs(1));
  d.EndAll(id, false);
  EXPECT_EQ(d.job(id).state, JobState::kFailed);
  EXPECT_EQ(d.job(id).failure->failure_class, FailureClass::kTimeLimit);
  EXPECT_THAT(d.job(id).reason, HasSubstr("time limit of 10m"));
}

TEST(TimeLimitTest, HoldsForAnAttemptThatTheSchedulerFoundRunning) {
  Driver d;
  d.Connect("n1", 1);
  JobSubmitted event = OneSlot();
  event.time_limit = absl::Minutes(10);
  const JobId id = Submit(d, event);
  Driver after(d.Stored(), d.now);
  after.Connect("n1", 1, {{id, 1}});
  after.Pass(absl::Minutes(11));
  EXPECT_THAT(Only<StopAttempt>(after.last.effects), SizeIs(1));
}

TEST(RetryTest, MemoryIsTriedOnceMoreAndBadDataNever) {
  Driver d;
  d.Connect("n1", 1);
  const JobId memory = Submit(d, OneSlot());
  const Failure out{.failure_class = FailureClass::kOutOfMemory, .message = "out of memory"};
  d.EndAll(memory, false, out);
  EXPECT_TRUE(d.Runs(memory));
  d.EndAll(memory, false, out);
  EXPECT_EQ(d.job(memory).state, JobState::kFailed);
  const JobId data = Submit(d, OneSlot());
  d.EndAll(data, false, Failure{.failure_class = FailureClass::kBadData, .message = "NaN"});
  EXPECT_EQ(d.job(data).state, JobState::kFailed);
}

TEST(RetryTest, WaitsLongerAfterEachFailureInARow) {
  Driver d;
  d.Connect("n1", 1);
  JobSubmitted event = OneSlot();
  event.max_restarts = 10;
  const JobId id = Submit(d, event);
  d.EndAll(id, false, Lost(0));
  EXPECT_TRUE(d.Runs(id)) << "the first time at once";
  d.EndAll(id, false, Lost(0));
  EXPECT_EQ(d.Reason(id).code, PendingCode::kBackoff);
  d.Pass(absl::Seconds(1));
  EXPECT_TRUE(d.Runs(id));
  d.EndAll(id, false, Lost(0));
  d.Pass(absl::Seconds(1));
  EXPECT_FALSE(d.Runs(id));
  d.Pass(absl::Seconds(1));
  EXPECT_TRUE(d.Runs(id));
}

TEST(DrainTest, NothingNewStartsAndWhatRunsGoesOn) {
  Driver d;
  d.Connect("n1", 2);
  const JobId runs = Submit(d, OneSlot());
  d.Do(DrainRequested{"n1", "new disk", "ada"});
  EXPECT_THAT(d.last.changed_drains, ElementsAre("n1"));
  EXPECT_THAT(d.last.effects, IsEmpty());
  EXPECT_TRUE(d.Runs(runs));
  const JobId waits = Submit(d, OneSlot());
  EXPECT_FALSE(d.Runs(waits));
  EXPECT_THAT(d.core.ReasonsOf(d.job(waits)).back().message, HasSubstr("n1 (drained: new disk)"));
  d.Do(UndrainRequested{"n1"});
  EXPECT_TRUE(d.Runs(waits));
}

TEST(DrainTest, EvictedJobsGoOnElsewhereAndTheDrainEndsByItself) {
  Driver d;
  d.Connect("n1", 1);
  const JobId id = Submit(d, OneSlot());
  d.Connect("n2", 1);
  d.Do(DrainRequested{"n1", "new disk", "ada", d.now + absl::Hours(1), true});
  ASSERT_THAT(Only<StopAttempt>(d.last.effects), SizeIs(1));
  d.EndAll(id, false);
  EXPECT_EQ(d.job(id).live()->parts[0].node, "n2");
  d.Pass(absl::Hours(2));
  EXPECT_THAT(d.core.drains(), IsEmpty());
}

TEST(DrainTest, OutlivesTheSchedulerAndTheAgent) {
  Driver d;
  d.Connect("n1", 1);
  d.Do(DrainRequested{"n1", "new disk", "ada"});
  Driver after;
  after.core = Core(CoreOptions{}, {}, d.now, d.core.drains());
  after.Connect("n1", 1);
  EXPECT_FALSE(after.Runs(Submit(after, OneSlot())));
}

TEST(QuarantineTest, TakesANodeThatFailsJobsOfSeveralOwners) {
  Driver d;
  d.Connect("n1", 3);
  const auto fail = [&](const std::string& owner) {
    const JobId id = Submit(d, OneSlot(owner));
    Failure failure = Lost(0);
    failure.node = "n1";
    d.EndAll(id, false, failure);
    d.Do(CancelRequested{id, ""});
    if (d.Runs(id)) d.EndAll(id, false);
  };
  fail("ada");
  fail("ada");
  fail("ada");
  EXPECT_FALSE(d.core.nodes().at("n1").drain.has_value()) << "it may be ada's program";
  fail("bob");
  ASSERT_TRUE(d.core.nodes().at("n1").drain.has_value());
  EXPECT_EQ(d.core.nodes().at("n1").drain->by, "octet");
  EXPECT_THAT(d.core.nodes().at("n1").drain->reason, HasSubstr("4 attempts of 2 owners"));
  d.Pass(absl::Hours(1));
  EXPECT_FALSE(d.core.nodes().at("n1").drain.has_value());
}

TEST(QuarantineTest, EndsOnlyWhenTheAgentFindsNothingWrong) {
  Driver d;
  d.Connect("n1", 1);
  d.Do(DrainRequested{"n1", "quarantined: as a fault would", kQuarantiner, d.now + absl::Hours(1)});
  d.now += absl::Hours(2);
  d.Do(Heartbeat{"n1", {"the disk is full"}});
  d.Do(Tick{});
  EXPECT_TRUE(d.core.nodes().at("n1").drain.has_value());
  d.Do(Heartbeat{"n1"});
  d.Do(Tick{});
  EXPECT_FALSE(d.core.nodes().at("n1").drain.has_value());
}

TEST(QuarantineTest, AnEchoOfAnotherRanksFailureSpeaksAgainstNoNode) {
  Driver d;
  d.Connect("n1", 1);
  for (const char* owner : {"ada", "bob", "eve", "ida"}) {
    const JobId id = Submit(d, OneSlot(owner));
    Failure echo = Lost(0);
    echo.node = "n1";
    echo.secondary = true;
    d.EndAll(id, false, echo);
    d.Do(CancelRequested{id, ""});
    if (d.Runs(id)) d.EndAll(id, false);
  }
  EXPECT_FALSE(d.core.nodes().at("n1").drain.has_value());
}

TEST(HealthTest, AnUnfitNodeGetsNothingNewAndSaysWhy) {
  Driver d;
  d.Connect("n1", 2);
  const JobId runs = Submit(d, OneSlot());
  d.Do(Heartbeat{"n1", {"/data is read-only"}});
  const JobId waits = Submit(d, OneSlot());
  EXPECT_TRUE(d.Runs(runs)) << "what runs goes on";
  EXPECT_FALSE(d.Runs(waits));
  EXPECT_THAT(d.core.ReasonsOf(d.job(waits)),
              testing::Contains(testing::Field(&PendingReason::message,
                                               HasSubstr("n1 (unfit: /data is read-only)"))));
  d.Do(Heartbeat{"n1"});
  EXPECT_TRUE(d.Runs(waits));
}

TEST(EndOfLifeTest, GivesNoJobThatCouldNotSaveInTime) {
  Driver d;
  NodeConnected spot{.name = "spot", .agent_instance = "first", .slots = {{0, "cpu"}}};
  spot.end_of_life = d.now + absl::Hours(1);
  d.Do(spot);
  JobSubmitted command = OneSlot();
  command.stages[0].saves = false;
  EXPECT_FALSE(d.Runs(Submit(d, command))) << "it would lose everything";
  command.time_limit = absl::Minutes(20);
  const JobId short_one = Submit(d, command);
  EXPECT_TRUE(d.Runs(short_one));
  d.EndAll(short_one, true);
  const JobId saves = Submit(d, OneSlot());
  EXPECT_TRUE(d.Runs(saves));
  d.Pass(absl::Minutes(59));
  ASSERT_THAT(Only<StopAttempt>(d.last.effects), SizeIs(1)) << "it is asked to save and leave";
  d.EndAll(saves, false);
  EXPECT_FALSE(d.Runs(saves));
}

TEST(CutOffTest, NobodyIsEvictedWhenMostNodesFallSilentAtOnce) {
  Driver d;
  for (const char* name : {"n1", "n2", "n3", "n4"}) d.Connect(name, 1);
  std::vector<JobId> jobs;
  for (int i = 0; i < 4; ++i) jobs.push_back(Submit(d, OneSlot()));
  d.now += absl::Minutes(5);
  d.Do(Tick{});
  EXPECT_THAT(d.last.effects, IsEmpty());
  for (const JobId id : jobs) EXPECT_TRUE(d.Runs(id));
  for (const char* name : {"n1", "n2", "n3"}) d.Do(Heartbeat{name});
  d.Do(Tick{});
  EXPECT_EQ(d.core.nodes().at("n4").state, Node::State::kLost) << "one alone is lost";
}

TEST(EstimateTest, TellsWhenAJobWillStartAndWhyItCannot) {
  Driver d;
  d.Connect("n1", 2);
  JobSubmitted event = OneSlot();
  event.time_limit = absl::Minutes(10);
  Submit(d, event);
  event.time_limit = absl::Minutes(30);
  Submit(d, event);
  const JobId next = Submit(d, OneSlot());
  JobSubmitted both = OneSlot();
  both.stages[0].gang.slots = 2;
  const JobId last = Submit(d, both);
  EXPECT_EQ(EstimateStart(d.core, next, d.now).time, d.now + absl::Minutes(10));
  EXPECT_THAT(EstimateStart(d.core, last, d.now).unknown, HasSubstr("j3"));
  EXPECT_EQ(d.core.PositionOf(d.job(next)), 1);
  std::vector<JobId> ahead;
  EXPECT_EQ(d.core.PositionOf(d.job(last), &ahead), 2);
  EXPECT_THAT(ahead, ElementsAre(next));
}

TEST(WhatIfTest, AsksForSomethingElseInACopyAlone) {
  Driver d;
  d.Connect("n1", 2);
  JobSubmitted limited = OneSlot();
  limited.time_limit = absl::Minutes(10);
  Submit(d, limited);
  JobSubmitted both = OneSlot();
  both.stages[0].gang.slots = 2;
  const JobId waits = Submit(d, both);
  EXPECT_EQ(EstimateStart(d.core, waits, d.now).time, d.now + absl::Minutes(10));

  const auto smaller = WhatIf(d.core, waits, {.slots = 1});
  ASSERT_TRUE(smaller.ok()) << smaller.status();
  EXPECT_NE(smaller->jobs().at(waits).live(), nullptr) << "there is room for one";
  EXPECT_FALSE(d.Runs(waits));
  EXPECT_EQ(d.job(waits).stages[0].gang.slots, 2);

  EXPECT_EQ(WhatIf(d.core, waits, {.slots = 0}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(WhatIf(d.core, waits + 1, {}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(WhatIf(*smaller, waits, {}).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace octet::scheduler
