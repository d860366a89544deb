#include "scheduler/sim/simulator.h"

#include "gmock/gmock.h"
#include "scheduler/sim/metrics.h"
#include "scheduler/sim/philly.h"

namespace octet::scheduler {
namespace {

using testing::HasSubstr;

Simulation Play(SimulationOptions options, const Trace& trace) {
  auto simulation = Simulate(options, trace);
  EXPECT_TRUE(simulation.ok()) << simulation.status();
  return simulation.ok() ? *std::move(simulation) : Simulation();
}

Simulation Play(const std::vector<std::string>& policies, const Trace& trace, int nodes = 1) {
  SimulationOptions options{.nodes = nodes};
  options.core.policies = policies;
  return Play(options, trace);
}

TEST(SimulatorTest, FirstComeFirstServedIsByHand) {
  const Trace trace = {{.submit_s = 0, .slots = 6, .duration_s = 100},
                       {.submit_s = 10, .slots = 8, .duration_s = 50},
                       {.submit_s = 20, .slots = 1, .duration_s = 5}};
  const Simulation simulation = Play(std::vector<std::string>{}, trace);
  EXPECT_DOUBLE_EQ(simulation.jobs[0].end_s, 100);
  EXPECT_DOUBLE_EQ(simulation.jobs[1].start_s, 100);
  EXPECT_DOUBLE_EQ(simulation.jobs[1].wait_s, 90);
  // Nobody passes the first.
  EXPECT_DOUBLE_EQ(simulation.jobs[2].start_s, 150);
  EXPECT_DOUBLE_EQ(simulation.hours[0].busy_slot_s, 600 + 400 + 5);
  EXPECT_DOUBLE_EQ(simulation.hours[0].wanted_slot_s, 10 * 6 + 140 * 8 + 5);
}

TEST(SimulatorTest, APreemptedJobGoesOnFromWhereItWas) {
  const Trace trace = {{.submit_s = 0, .slots = 8, .duration_s = 1000},
                       {.submit_s = 300, .slots = 8, .duration_s = 100, .priority = 1}};
  const Simulation simulation = Play({"priority", "preemption"}, trace);
  const JobRecord& job = simulation.jobs[0];
  EXPECT_EQ(job.preemptions, 1);
  EXPECT_DOUBLE_EQ(simulation.jobs[1].start_s, 310);  // 10 s to save
  // It worked for 300 s before; 20 s to load and 700 s of work come after.
  EXPECT_DOUBLE_EQ(job.end_s, 410 + 20 + 700);
  EXPECT_DOUBLE_EQ(job.lost_slot_s, 8 * (10 + 20));
}

TEST(SimulatorTest, AJobThatDoesNotSaveBeginsAgain) {
  const Trace trace = {{.submit_s = 0, .slots = 8, .duration_s = 1000, .saves = false},
                       {.submit_s = 300, .slots = 8, .duration_s = 100, .priority = 1}};
  const Simulation simulation = Play({"priority", "preemption"}, trace);
  EXPECT_DOUBLE_EQ(simulation.jobs[0].end_s, 300 + 100 + 1000);
  EXPECT_DOUBLE_EQ(simulation.jobs[0].lost_slot_s, 8 * 300);
}

TEST(SimulatorTest, JobsLargerThanTheClusterAreRefused) {
  const Simulation simulation =
      Play(DefaultPolicies(), {{.slots = 9, .duration_s = 1}, {.slots = 8, .duration_s = 1}});
  EXPECT_TRUE(simulation.jobs[0].refused);
  EXPECT_FALSE(simulation.jobs[1].refused);
  EXPECT_DOUBLE_EQ(simulation.jobs[1].end_s, 1);
}

TEST(SimulatorTest, WrongOptionsAreNamed) {
  SimulationOptions options{.nodes = 0};
  EXPECT_THAT(std::string(Simulate(options, {}).status().message()), HasSubstr("0 nodes"));
  options = {};
  options.core.policies = {"backfil"};
  EXPECT_THAT(std::string(Simulate(options, {}).status().message()),
              HasSubstr("did you mean backfill?"));
}

TEST(SimulatorTest, TheSeedMakesTheFailuresAndNoJobIsLost) {
  const Trace trace = MakePhillyTrace({.jobs = 300, .slots = 64, .load = 0.8});
  SimulationOptions options{.nodes = 8, .time_between_failures = absl::Hours(40), .seed = 3};
  const auto ends = [&] {
    std::vector<double> times;
    const Simulation simulation = Play(options, trace);
    for (const JobRecord& job : simulation.jobs) {
      EXPECT_TRUE(job.end_s >= 0 || job.refused);
      times.push_back(job.end_s);
    }
    return times;
  };
  const std::vector<double> first = ends();
  EXPECT_EQ(first, ends());
  options.seed = 4;
  EXPECT_NE(first, ends());
}

// What the default policies are for: the table of docs/simulate.md, smaller.
TEST(PoliciesOnThePhillyShapeTest, DefaultIsAsGoodAsEachOfTheUsualOnes) {
  constexpr int kNodes = 50;
  const Trace trace = MakePhillyTrace({.jobs = 10'000, .slots = kNodes * 8, .load = 1.2});
  const Metrics ours = Measure(trace, Play(DefaultPolicies(), trace, kNodes));
  EXPECT_EQ(ours.stuck, 0);
  const std::vector<std::vector<std::string>> sets = {{}, {"backfill"}, {"least_attained_service"}};
  for (const auto& policies : sets) {
    SCOPED_TRACE(testing::PrintToString(policies));
    const Metrics theirs = Measure(trace, Play(policies, trace, kNodes));
    EXPECT_LE(ours.completion_s.mean, theirs.completion_s.mean);
    EXPECT_LE(ours.wait_s.p99, theirs.wait_s.p99);
    EXPECT_GE(ours.utilization, theirs.utilization);
  }
}

TEST(PoliciesOnThePhillyShapeTest, TheSameTraceGivesTheSameSchedule) {
  const Trace trace = MakePhillyTrace({.jobs = 2'000, .slots = 80, .load = 1.2});
  const Simulation one = Play(DefaultPolicies(), trace, 10);
  const Simulation two = Play(DefaultPolicies(), trace, 10);
  for (size_t i = 0; i < trace.size(); ++i) {
    ASSERT_EQ(one.jobs[i].end_s, two.jobs[i].end_s) << "job " << i;
    ASSERT_EQ(one.jobs[i].wait_s, two.jobs[i].wait_s) << "job " << i;
  }
}

}  // namespace
}  // namespace octet::scheduler
