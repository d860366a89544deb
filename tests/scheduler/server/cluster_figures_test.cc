#include "scheduler/server/cluster_figures.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octet::scheduler {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class ClusterFiguresTest : public ::testing::Test {
 protected:
  ClusterFiguresTest() {
    for (const char* name : {"n1", "n2"}) {
      NodeConnected node{.name = name, .agent_instance = name};
      for (int i = 0; i < 4; ++i) node.slots.push_back({.index = i, .resource = "cpu"});
      Do(node);
    }
  }
  void Do(const Event& event) {
    const auto applied = core_.Apply(event, now_);
    ASSERT_TRUE(applied.ok()) << applied.status();
  }
  JobId Submit(int slots, JobSubmitted job = {}) {
    job.name = job.owner = "a";
    job.team = "vision";
    job.stages = {{.name = "train", .gang = {.slots = slots, .resource = "cpu"}}};
    const auto applied = core_.Apply(job, now_);
    EXPECT_TRUE(applied.ok()) << applied.status();
    return applied.ok() ? applied->created : kNoJob;
  }
  ClusterFigures Figures() const { return FiguresOf(core_, now_); }

  const absl::Time now_ = absl::FromUnixSeconds(1000);
  Core core_{{}, {}, now_};
};

TEST_F(ClusterFiguresTest, SlotsAreFreeUsedOrOfNodesOutOfUse) {
  Submit(3);
  Do(DrainRequested{.name = "n2", .reason = "fans"});
  const ClusterFigures figures = Figures();
  EXPECT_THAT(figures.slots.at("cpu").slots,
              ElementsAre(Pair("away", 4), Pair("free", 1), Pair("used", 3)));
  EXPECT_EQ(figures.slots.at("cpu").most_free_on_a_node, 1);
  EXPECT_EQ(figures.teams.at("vision").used.at("cpu"), 3);
  EXPECT_EQ(figures.teams.at("vision").running, 1);
}

TEST_F(ClusterFiguresTest, NodesAreCountedByWhyTheyAreAway) {
  Do(DrainRequested{.name = "n2", .reason = "fans"});
  Do(Heartbeat{.name = "n1", .problems = {"disk full"}});
  const ClusterFigures figures = Figures();
  EXPECT_THAT(figures.nodes, ElementsAre(Pair("drained", 1), Pair("ready", 0), Pair("unfit", 1)));
  EXPECT_THAT(figures.nodes_away, ElementsAre(Pair("n1", "unfit"), Pair("n2", "drained")));
}

TEST_F(ClusterFiguresTest, ANodeThatLeftIsDisconnectedAndThenLost) {
  Do(NodeDisconnected{.name = "n1", .agent_instance = "n1"});
  EXPECT_EQ(Figures().nodes_away.at("n1"), "disconnected");
  ASSERT_TRUE(core_.Apply(Tick{}, now_ + absl::Hours(1)).ok());
  EXPECT_EQ(Figures().nodes_away.at("n1"), "lost");
}

TEST_F(ClusterFiguresTest, NobodyWaitsInAnEmptyQueue) { EXPECT_THAT(Figures().pending, IsEmpty()); }

// Every pending job is in one of them.
TEST_F(ClusterFiguresTest, PendingJobsAreCountedByTheirFirstReason) {
  const JobId running = Submit(8);
  for (int i = 0; i < 3; ++i) Submit(2);
  Submit(1, {.held = true});
  Submit(1, {.after = {{.job = running}}});
  Submit(1, {.after = {{.job = running}}, .held = true});
  const ClusterFigures figures = Figures();
  EXPECT_THAT(figures.pending,
              ElementsAre(Pair("dependency", 1), Pair("held", 2), Pair("slots", 3)));
  EXPECT_EQ(figures.teams.at("vision").pending, 6);
}

}  // namespace
}  // namespace octet::scheduler
