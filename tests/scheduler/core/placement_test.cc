#include "scheduler/core/placement.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"

namespace octet::scheduler {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct NodeSpec {
  std::string name;
  int slots = 8, held = 0;
  std::string resource = "cpu", switch_name;
};

void Put(Cluster& cluster, const NodeSpec& spec) {
  cluster.Update(spec.name, [&](Node& node) {
    node.connected = true;
    node.switch_name = spec.switch_name;
    node.slots.clear();
    for (int i = 0; i < spec.slots; ++i)
      node.slots.push_back(
          {.index = i, .resource = spec.resource, .job = i < spec.held ? 1 : kNoJob});
  });
}

Cluster Make(const std::vector<NodeSpec>& specs) {
  Cluster cluster;
  for (const NodeSpec& spec : specs) Put(cluster, spec);
  return cluster;
}

std::optional<std::vector<NodeShare>> Place(const Gang& gang, const Cluster& cluster) {
  return PlaceGang(gang, gang.slots, cluster, [](const Node&, int free) { return free; });
}

std::vector<std::string> Names(const std::optional<std::vector<NodeShare>>& shares) {
  std::vector<std::string> names;
  for (const NodeShare& share : shares.value_or(std::vector<NodeShare>{}))
    names.push_back(share.node);
  return names;
}

TEST(PlacementTest, TakesTheNodeWithTheFewestSlotsLeftOver) {
  const Cluster cluster = Make({{"a"}, {"b", 8, 5}, {"c", 8, 7}});
  EXPECT_THAT(Names(Place({.slots = 2}, cluster)), ElementsAre("b"));
}

TEST(PlacementTest, UsesAsFewNodesAsWillDo) {
  const Cluster cluster = Make({{"a", 8, 6}, {"b"}, {"c", 8, 1}});
  EXPECT_THAT(Names(Place({.slots = 15}, cluster)), ElementsAre("b", "c"));
}

TEST(PlacementTest, LeavesTheRestOfABigGangWhereItFitsBest) {
  const Cluster cluster = Make({{"a"}, {"b"}, {"c"}, {"d", 8, 6}});
  EXPECT_THAT(Names(Place({.slots = 18}, cluster)), ElementsAre("a", "b", "d"));
}

TEST(PlacementTest, GivesEachNodeTheSameShareWhenNodesAreAskedFor) {
  const auto shares = Place({.slots = 8, .nodes = 2}, Make({{"a"}, {"b", 8, 6}, {"c", 8, 4}}));
  ASSERT_TRUE(shares.has_value());
  EXPECT_THAT(Names(shares), ElementsAre("c", "a"));
  for (const NodeShare& share : *shares) EXPECT_EQ(share.slot_indices.size(), 4u);
}

TEST(PlacementTest, KeepsAGangUnderOneSwitchAndTheFullestThatHoldsIt) {
  const Cluster cluster = Make({{"a", 8, 0, "cpu", "s1"},
                                {"b", 8, 0, "cpu", "s2"},
                                {"c", 8, 0, "cpu", "s2"},
                                {"d", 8, 0, "cpu", "s3"},
                                {"e", 8, 0, "cpu", "s3"},
                                {"f", 8, 0, "cpu", "s3"}});
  EXPECT_THAT(Names(Place({.slots = 16, .nodes = 2}, cluster)), ElementsAre("b", "c"));
  EXPECT_THAT(Names(Place({.slots = 24}, cluster)), ElementsAre("d", "e", "f"));
  EXPECT_THAT(Names(Place({.slots = 32}, cluster)), ElementsAre("a", "b", "c", "d"));
}

TEST(PlacementTest, LeavesOutNodesThatAreLostAwayOrDrained) {
  Cluster cluster = Make({{"a", 2}, {"b", 2}, {"c", 2}});
  cluster.Update("a", [](Node& node) { node.state = Node::State::kLost; });
  cluster.Update("b", [](Node& node) { node.connected = false; });
  cluster.Update("c", [](Node& node) { node.drain = Drain{.reason = "fan"}; });
  EXPECT_THAT(Names(Place({.slots = 1}, cluster)), IsEmpty());
  EXPECT_TRUE(CouldEverHold({.slots = 6}, cluster));
  EXPECT_FALSE(CouldEverHold({.slots = 7}, cluster));
  cluster.Update("c", [](Node& node) { node.drain.reset(); });
  EXPECT_THAT(Names(Place({.slots = 1}, cluster)), ElementsAre("c"));
}

TEST(PlacementTest, TakesNoMoreOfANodeThanIsAllowed) {
  const Cluster cluster = Make({{"a"}, {"b"}});
  const auto half = [](const Node& node, int free) { return node.name == "a" ? 0 : free / 2; };
  const Gang gang{.slots = 4};
  EXPECT_THAT(Names(PlaceGang(gang, 4, cluster, half)), ElementsAre("b"));
  EXPECT_THAT(Names(PlaceGang(gang, 5, cluster, half)), IsEmpty());
}

TEST(PlacementTest, TellsWhetherThereIsRoomWithoutLookingForIt) {
  const Cluster cluster = Make({{"a"}, {"b", 8, 5}, {"c", 8, 7}, {"d", 8, 8}});
  for (int nodes = 0; nodes <= 4; ++nodes)
    for (int share = 1; share <= 13; ++share) {
      const Gang gang{.slots = share * std::max(nodes, 1), .nodes = nodes};
      EXPECT_EQ(HasFree(gang, gang.slots, cluster), Place(gang, cluster).has_value())
          << gang.slots << " slots on " << nodes << " nodes";
    }
}

TEST(PlacementTest, MeansGpusWhereTheClusterHasAny) {
  const Cluster mixed = Make({{"a", 2}, {"b", 2, 0, "gpu"}});
  EXPECT_THAT(Names(Place({.slots = 1}, mixed)), ElementsAre("b"));
  EXPECT_THAT(Names(Place({.slots = 1, .resource = "cpu"}, mixed)), ElementsAre("a"));
  EXPECT_THAT(Names(Place({.slots = 3}, mixed)), IsEmpty());
}

TEST(PlacementTest, SizesOfAnElasticGangDivideWhatTheyMust) {
  EXPECT_THAT(SizesOf({.slots = 8, .min_slots = 2, .divides = 12}, 0), ElementsAre(6, 4, 3, 2));
  EXPECT_THAT(SizesOf({.slots = 8, .min_slots = 2, .divides = 12}, 4), ElementsAre(4, 3, 2));
  EXPECT_THAT(SizesOf({.slots = 8}, 0), ElementsAre(8));
}

TEST(ClusterTest, ACopyHasNodesOfItsOwn) {
  const Cluster cluster = Make({{"a", 4}});
  Cluster copy = cluster;
  copy.Hold(7, {.node = "a", .slot_indices = {0, 1}});
  EXPECT_EQ(cluster.pool("cpu").free.total(), 4);
  EXPECT_EQ(copy.pool("cpu").free.total(), 2);
  EXPECT_EQ((*copy.pool("cpu").free.nodes(2).begin())->slots[0].job, 7);
}

}  // namespace
}  // namespace octet::scheduler
