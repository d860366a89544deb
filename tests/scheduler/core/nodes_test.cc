// Nodes that come, go, fall silent and come back.
#include "gmock/gmock.h"
#include "scheduler/core/core.h"
#include "tests/scheduler/core/driver.h"

namespace octet::scheduler {
namespace {

using testing::IsEmpty;

const absl::Duration kTimeout = CoreOptions{}.heartbeat_timeout;

TEST(CoreNodesTest, LosesANodeJustAfterTheTimeoutAndRestartsItsJobElsewhere) {
  Driver d;
  d.Connect("n1", 1);
  const JobId id = d.Submit(1);
  d.now += kTimeout;
  d.Connect("n2", 1);
  d.Do(Tick{});
  EXPECT_EQ(d.job(id).attempts.size(), 1u);
  d.now += absl::Milliseconds(1);
  d.Do(Tick{});
  ASSERT_EQ(d.job(id).attempts.size(), 2u);
  EXPECT_EQ(d.job(id).attempts[0].failure->failure_class, FailureClass::kNodeLost);
  EXPECT_EQ(d.job(id).attempts[1].parts[0].node, "n2");
}

TEST(CoreNodesTest, ALostNodeEndsItsGangOnTheOtherNodes) {
  Driver d;
  d.Connect("n1", 1);
  d.Connect("n2", 1);
  const JobId id = d.Submit(2);
  d.now += kTimeout + absl::Milliseconds(1);
  d.Do(Heartbeat{"n2"});
  const auto stops = Only<StopAttempt>(d.Do(Tick{}));
  ASSERT_EQ(stops.size(), 2u);
  EXPECT_EQ(stops[0].node, "n1");  // In case that it is only slow.
  EXPECT_EQ(stops[1].node, "n2");
  EXPECT_EQ(d.job(id).state, JobState::kRunning);  // Until n2 has ended its part.
  d.End(id, "n2", false);
  EXPECT_EQ(d.job(id).state, JobState::kPending);
  EXPECT_EQ(d.job(id).attempts[0].failure->node, "n1");
}

TEST(CoreNodesTest, HeartbeatsKeepANode) {
  Driver d;
  d.Connect("n1", 1);
  for (int i = 0; i < 5; ++i) {
    d.now += kTimeout;
    d.Do(Heartbeat{"n1"});
    d.Do(Tick{});
  }
  EXPECT_EQ(d.core.nodes().at("n1").state, Node::State::kReady);
}

TEST(CoreNodesTest, ANodeWhoseAgentEndedIsForgotten) {
  Driver d;
  d.Connect("n1", 1);
  d.Connect("n2", 1);
  d.Do(Heartbeat{"n1", {"its agent is ending"}, /*ending=*/true});
  EXPECT_TRUE(d.core.nodes().contains("n1")) << "it is still there";
  d.Do(NodeDisconnected{"n1", d.core.nodes().at("n1").agent_instance});
  EXPECT_FALSE(d.core.nodes().contains("n1"));
  d.now += kTimeout + absl::Milliseconds(1);
  d.Do(Heartbeat{"n2"});
  d.Do(Tick{});
  EXPECT_EQ(d.core.nodes().size(), 1u);
}

TEST(CoreNodesTest, ANodeThatGoesBeforeItsJobsHaveEndedIsWaitedForFirst) {
  Driver d;
  d.Connect("n1", 1);
  d.Connect("n2", 1);
  const JobId id = d.Submit(1);
  const std::string node = d.job(id).attempts[0].parts[0].node;
  d.Do(Heartbeat{node, {"its agent is ending"}, /*ending=*/true});
  d.Do(NodeDisconnected{node, d.core.nodes().at(node).agent_instance});
  EXPECT_TRUE(d.core.nodes().contains(node)) << "its reports may come on its next stream";
  d.now += kTimeout + absl::Milliseconds(1);
  d.Do(Heartbeat{node == "n1" ? "n2" : "n1"});
  d.Do(Tick{});
  EXPECT_FALSE(d.core.nodes().contains(node));
  ASSERT_EQ(d.job(id).attempts.size(), 2u);
  EXPECT_EQ(d.job(id).attempts[0].failure->failure_class, FailureClass::kNodeLost);
}

TEST(CoreNodesTest, ANodeThatCameBackIsNotForgotten) {
  Driver d;
  d.Connect("n1", 1);
  d.Do(Heartbeat{"n1", {"its agent is ending"}, /*ending=*/true});
  d.Connect("n1", 1);
  d.Do(NodeDisconnected{"n1", d.core.nodes().at("n1").agent_instance});
  EXPECT_TRUE(d.core.nodes().contains("n1"));
}

TEST(CoreNodesTest, TheSameAgentComesBackAndNothingRestarts) {
  Driver d;
  d.Connect("n1", 2);
  const JobId id = d.Submit(2);
  d.Do(PartStarted{{id, 1}, "n1"});
  d.Do(NodeDisconnected{"n1", "first"});
  EXPECT_THAT(d.Connect("n1", 2, {{id, 1}}), IsEmpty());
  EXPECT_EQ(d.job(id).attempts.size(), 1u);
  EXPECT_EQ(d.FreeSlots(), 0);
}

TEST(CoreNodesTest, ANewAgentUnderTheNameEndsWhatTheOldOneRan) {
  Driver d;
  d.Connect("n1", 1);
  const JobId id = d.Submit(1);
  d.Do(NodeDisconnected{"n1", "first"});
  d.Connect("n1", 1, {}, "second");
  ASSERT_EQ(d.job(id).attempts.size(), 2u);
  EXPECT_EQ(d.job(id).attempts[0].failure->failure_class, FailureClass::kNodeLost);
  EXPECT_EQ(d.job(id).attempts[1].parts[0].agent_instance, "second");
}

TEST(CoreNodesTest, ASecondAgentUnderTheNameIsRefusedWhileTheFirstIsConnected) {
  Driver d;
  d.Connect("n1", 1);
  const Event other = NodeConnected{.name = "n1", .agent_instance = "second"};
  EXPECT_EQ(d.core.Apply(other, d.now).status().code(), absl::StatusCode::kAlreadyExists);
}

TEST(CoreNodesTest, ASecondAgentUnderTheNameIsTakenOnceTheFirstIsLost) {
  Driver d;
  d.Connect("n1", 1);
  d.now += kTimeout + absl::Milliseconds(1);
  d.Do(Tick{});
  d.Connect("n1", 1, {}, "second");
  EXPECT_EQ(d.core.nodes().at("n1").agent_instance, "second");
}

TEST(CoreNodesTest, AStopThatWasLostWithTheConnectionIsRepeated) {
  Driver d;
  d.Connect("n1", 1);
  const JobId id = d.Submit(1);
  d.Do(PartStarted{{id, 1}, "n1"});
  d.Do(NodeDisconnected{"n1", "first"});
  d.Do(CancelRequested{id, ""});
  EXPECT_EQ(Only<StopAttempt>(d.Connect("n1", 1, {{id, 1}})).size(), 1u);
}

TEST(CoreNodesTest, AnOrderThatWasLostWithTheConnectionIsRepeated) {
  Driver d;
  d.Connect("n1", 1);
  const JobId id = d.Submit(1);
  d.Do(NodeDisconnected{"n1", "first"});
  const auto starts = Only<StartAttempt>(d.Connect("n1", 1));
  ASSERT_EQ(starts.size(), 1u);
  EXPECT_EQ(starts[0].ref.job, id);
  EXPECT_EQ(starts[0].ref.attempt, 1);
}

TEST(CoreNodesTest, WaitsForTheReportOfAPartThatEndedWhileItsAgentWasAway) {
  Driver d;
  d.Connect("n1", 1);
  const JobId id = d.Submit(1);
  d.Do(PartStarted{{id, 1}, "n1"});
  d.Do(NodeDisconnected{"n1", "first"});
  EXPECT_THAT(d.Connect("n1", 1), IsEmpty());
  d.EndAll(id, true);
  EXPECT_EQ(d.job(id).state, JobState::kSucceeded);
}

TEST(CoreNodesTest, StopsWhatIsNotWantedAnyMore) {
  Driver d;
  d.Connect("n1", 1);
  const JobId id = d.Submit(1);
  d.Do(NodeDisconnected{"n1", "first"});
  d.now += kTimeout + absl::Seconds(1);
  d.Do(Tick{});
  const auto stops = Only<StopAttempt>(d.Connect("n1", 1, {{id, 1}}));
  ASSERT_EQ(stops.size(), 1u);
  EXPECT_EQ(stops[0].ref.attempt, 1);
}

TEST(CoreNodesTest, ARestartedSchedulerAdoptsWhatRuns) {
  Driver before;
  before.Connect("n1", 2);
  const JobId id = before.Submit(2);
  before.Do(PartStarted{{id, 1}, "n1"});

  Driver after(before.Stored());
  EXPECT_THAT(after.Connect("n1", 2, {{id, 1}}), IsEmpty());
  EXPECT_EQ(after.job(id).attempts.size(), 1u);
  EXPECT_EQ(after.FreeSlots(), 0);
  after.EndAll(id, true);
  EXPECT_EQ(after.job(id).state, JobState::kSucceeded);
  EXPECT_GT(after.Submit(1), id);
}

TEST(CoreNodesTest, ARestartedSchedulerGivesItsNodesTheTimeoutToComeBack) {
  Driver before;
  before.Connect("n1", 1);
  const JobId id = before.Submit(1);

  Driver after(before.Stored());
  after.now += kTimeout;
  after.Do(Tick{});
  EXPECT_EQ(after.job(id).state, JobState::kRunning);
  after.now += absl::Milliseconds(1);
  after.Do(Tick{});
  EXPECT_EQ(after.job(id).state, JobState::kPending);
}

TEST(CoreNodesTest, ARestartedSchedulerDoesNotSayNeverBeforeItsNodesAreBack) {
  Driver before;
  before.Connect("n1", 4);
  before.Submit(4);

  Driver after(before.Stored());
  after.Connect("n2", 1);
  EXPECT_EQ(after.core.NeverCan({.slots = 4}), "");
  after.now += kTimeout + absl::Milliseconds(1);
  after.Do(Tick{});
  EXPECT_NE(after.core.NeverCan({.slots = 4}), "");
}

TEST(CoreNodesTest, AnAgentThatIsStoppedDoesNotCountAgainstItsJobs) {
  Driver d;
  d.Connect("n1", 1);
  const JobId id = d.Submit(1);
  for (int i = 0; i < 10; ++i) d.EndAll(id, false);
  EXPECT_EQ(d.job(id).state, JobState::kRunning);
  EXPECT_EQ(d.job(id).restarts, 0);
  EXPECT_EQ(d.job(id).attempts[0].failure->node, "n1");
}

TEST(CoreNodesTest, ALateNoticeOfAStreamThatWasReplacedChangesNothing) {
  Driver d;
  d.Connect("n1", 1);
  d.Do(NodeDisconnected{"n1", "first"});
  d.Connect("n1", 1, {}, "second");
  d.Do(NodeDisconnected{"n1", "first"});
  EXPECT_TRUE(d.core.nodes().at("n1").connected);
}

}  // namespace
}  // namespace octet::scheduler
