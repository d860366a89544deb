#include "scheduler/sim/philly.h"

#include <map>
#include <set>

#include "gmock/gmock.h"

namespace octet::scheduler {
namespace {

// Jeon et al., "Analysis of Large-Scale Multi-Tenant GPU Clusters for DNN
// Training Workloads", USENIX ATC 2019; the means: Hu et al., SC 2021.
TEST(PhillyTest, HasTheShapeOfThePublishedAnalysis) {
  const Trace trace = MakePhillyTrace({.jobs = 100'000});
  std::map<TraceJob::Status, double> jobs, gpu_time;
  std::set<std::string> clusters;
  double slots = 0, duration = 0, weeks = 0, all_time = 0;
  for (const TraceJob& job : trace) {
    jobs[job.status] += 1e-5;
    gpu_time[job.status] += job.duration_s * job.slots;
    all_time += job.duration_s * job.slots;
    clusters.insert(job.team);
    slots += 1e-5 * job.slots;
    duration += 1e-5 * job.duration_s;
    weeks += job.duration_s > 7 * 24 * 3600 ? 1e-5 : 0;
    EXPECT_LE(job.slots, 128);
    EXPECT_LE(job.duration_s, 60.0 * 24 * 3600);
  }
  EXPECT_EQ(clusters.size(), 14u);
  EXPECT_NEAR(jobs[TraceJob::Status::kPassed], 0.693, 0.01);
  EXPECT_NEAR(jobs[TraceJob::Status::kKilled], 0.135, 0.01);
  EXPECT_NEAR(jobs[TraceJob::Status::kFailed], 0.172, 0.01);
  // Most of the time is of few jobs, so these vary; and those that were killed,
  // which run longest, are cut off at 60 days most often.
  EXPECT_NEAR(gpu_time[TraceJob::Status::kPassed] / all_time, 0.445, 0.12);
  EXPECT_NEAR(gpu_time[TraceJob::Status::kKilled] / all_time, 0.377, 0.12);
  EXPECT_NEAR(gpu_time[TraceJob::Status::kFailed] / all_time, 0.178, 0.12);
  EXPECT_NEAR(slots, 1.75, 0.05);
  EXPECT_NEAR(duration, 28'329, 4'000);
  EXPECT_NEAR(weeks, 0.005, 0.004);
}

TEST(PhillyTest, LargerJobsRunLonger) {
  std::map<bool, std::pair<double, int>> by_size;  // sum and number
  for (const TraceJob& job : MakePhillyTrace({.jobs = 50'000})) {
    auto& [sum, count] = by_size[job.slots >= 8];
    sum += job.duration_s;
    ++count;
  }
  EXPECT_GT(by_size[true].first / by_size[true].second,
            1.5 * by_size[false].first / by_size[false].second);
}

TEST(PhillyTest, TheWorkThatComesInATimeIsTheLoad) {
  for (const double load : {0.5, 1.0}) {
    const Trace trace = MakePhillyTrace({.jobs = 20'000, .slots = 400, .load = load});
    double work = 0;
    for (const TraceJob& job : trace) work += job.duration_s * job.slots;
    EXPECT_NEAR(work / (trace.back().submit_s * 400), load, 0.02);
  }
}

TEST(PhillyTest, TheSeedMakesTheTrace) {
  const Trace one = MakePhillyTrace({.jobs = 500, .seed = 1});
  EXPECT_EQ(one, MakePhillyTrace({.jobs = 500, .seed = 1}));
  EXPECT_NE(one, MakePhillyTrace({.jobs = 500, .seed = 2}));
}

TEST(PhillyTest, ElasticAndUrgentJobsAreAsManyAsAskedFor) {
  int wide = 0, elastic = 0, urgent = 0;
  for (const TraceJob& job :
       MakePhillyTrace({.jobs = 50'000, .saves = 1, .elastic = 0.5, .urgent = 0.1})) {
    wide += job.slots >= 4;
    elastic += job.min_slots > 0;
    urgent += job.priority == 1;
    if (job.min_slots > 0) EXPECT_EQ(job.min_slots, job.slots / 4);
  }
  EXPECT_NEAR(elastic, 0.5 * wide, 0.05 * wide);
  EXPECT_NEAR(urgent, 5'000, 300);
}

}  // namespace
}  // namespace octet::scheduler
