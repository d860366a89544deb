#include "scheduler/sim/metrics.h"

#include "gmock/gmock.h"

namespace octet::scheduler {
namespace {

TEST(MetricsTest, SpreadIsOfTheNearestRank) {
  std::vector<double> values;
  for (int i = 100; i >= 1; --i) values.push_back(i);
  const Spread spread = SpreadOf(values);
  EXPECT_DOUBLE_EQ(spread.mean, 50.5);
  EXPECT_DOUBLE_EQ(spread.median, 50);
  EXPECT_DOUBLE_EQ(spread.p95, 95);
  EXPECT_DOUBLE_EQ(spread.p99, 99);
  EXPECT_DOUBLE_EQ(SpreadOf({7}).p99, 7);
  EXPECT_DOUBLE_EQ(SpreadOf({}).mean, 0);
}

TEST(MetricsTest, JainIndexIsOneForEqualSharesAndOneNthWhereOneHasAll) {
  EXPECT_DOUBLE_EQ(JainIndex({2, 2, 2, 2}), 1);
  EXPECT_DOUBLE_EQ(JainIndex({1, 0, 0, 0}), 0.25);
  EXPECT_DOUBLE_EQ(JainIndex({1, 0.5}), 0.9);
  EXPECT_DOUBLE_EQ(JainIndex({}), 1);
}

/// Two teams of a cluster of 4 slots; jobs come in hours 0 and 2.
struct Example {
  Trace trace = {{.submit_s = 0, .team = "a", .slots = 4, .duration_s = 3600},
                 {.submit_s = 0, .team = "b", .slots = 4, .duration_s = 1800},
                 {.submit_s = 7200, .team = "b", .slots = 8, .duration_s = 10}};
  Simulation simulation{
      .slots = 4,
      .jobs =
          {{.start_s = 0, .end_s = 3600},
           {.start_s = 3600, .end_s = 5400, .wait_s = 3600, .lost_slot_s = 720, .preemptions = 1},
           {.refused = true}},
      .hours = {{.busy_slot_s = 14400,
                 .wanted_slot_s = 14400,
                 .teams = {{"a", {.held = 4}}, {"b", {.waiting = 4}}}},
                {.busy_slot_s = 7200, .wanted_slot_s = 7200, .lost_slot_s = 720}}};
};

TEST(MetricsTest, TimesAreByHand) {
  const Example example;
  const Metrics metrics = Measure(example.trace, example.simulation);
  EXPECT_EQ(metrics.ended, 2);
  EXPECT_EQ(metrics.refused, 1);
  EXPECT_EQ(metrics.stuck, 0);
  EXPECT_DOUBLE_EQ(metrics.completion_s.mean, 4500);
  EXPECT_DOUBLE_EQ(metrics.wait_s.mean, 1800);
  EXPECT_DOUBLE_EQ(metrics.team_wait_s.at("a").mean, 0);
  EXPECT_DOUBLE_EQ(metrics.team_wait_s.at("b").mean, 3600);
  EXPECT_DOUBLE_EQ(metrics.makespan_s, 5400);
  EXPECT_DOUBLE_EQ(metrics.lost_slot_hours, 0.2);
  EXPECT_EQ(metrics.preemptions, 1);
}

TEST(MetricsTest, UseCountsWhatIsUsefulOfWhatWasWantedAndOfAll) {
  const Example example;
  const Metrics metrics = Measure(example.trace, example.simulation);
  // 21,600 slot-seconds less 720 lost; 21,600 were wanted, two hours of 4 slots
  // make 28,800.
  EXPECT_DOUBLE_EQ(metrics.utilization, 20880.0 / 21600);
  EXPECT_DOUBLE_EQ(metrics.busy, 20880.0 / 28800);
}

TEST(MetricsTest, FairnessComparesTeamsWithTheirDueWhereSomebodyWaits) {
  const Example example;
  // In the first hour a has its due of 2 slots and more, b nothing.
  EXPECT_DOUBLE_EQ(Measure(example.trace, example.simulation).fairness, 0.5);
  // Of one whose weight makes its due 4 of 4 slots, a takes nothing from b.
  Example shared;
  shared.simulation.hours[0].teams = {{"a", {.held = 3, .waiting = 1}}, {"b", {.held = 1}}};
  EXPECT_DOUBLE_EQ(Measure(shared.trace, shared.simulation, {{"a", 3}, {"b", 1}}).fairness, 1);
}

}  // namespace
}  // namespace octet::scheduler
