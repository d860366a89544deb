// What is fitted, and to what:
//  - Jeon et al., "Analysis of Large-Scale Multi-Tenant GPU Clusters for DNN
//    Training Workloads", USENIX ATC 2019, of 96,260 jobs in 14 virtual
//    clusters (the published log has 117,325): 69.3 % of the jobs passed, 13.5 %
//    were killed and 17.2 % failed, which took 44.5, 37.7 and 17.8 % of the GPU
//    time; about 0.5 % ran for longer than a week; larger jobs ran longer.
//  - Hu et al., "Characterization and Prediction of Deep Learning Workloads in
//    Large-Scale GPU Datacenters", SC 2021, of the same log: 1.75 GPUs a job on
//    average and 128 at most; 28,329 s a job on average and 60 days at most.
// Log-normal durations with the medians and the deviation below come near all of
// that: 26,000 s a job on average, and 0.8 % above a week.
// The log tells neither how large the virtual clusters were nor when people
// sleep: that sizes follow Zipf's law, that nights and weekends are quieter,
// and that sizes are powers of two in the shares below, is assumed.
#include "scheduler/sim/philly.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "absl/strings/str_format.h"
#include "common/random.h"

namespace octet::scheduler {
namespace {

constexpr double kMinute = 60, kHour = 3600, kDay = 24 * kHour;
constexpr double kLongest = 60 * kDay;
constexpr int kTeams = 14;

struct Size {
  int slots;
  double share;
  double median_s;  // of the durations
};
// 1.75 slots on average.
constexpr std::array<Size, 8> kSizes = {{{1, 0.85, 11 * kMinute},
                                         {2, 0.045, 20 * kMinute},
                                         {4, 0.045, 20 * kMinute},
                                         {8, 0.052, 35 * kMinute},
                                         {16, 0.005, 60 * kMinute},
                                         {32, 0.002, 60 * kMinute},
                                         {64, 0.0008, 60 * kMinute},
                                         {128, 0.0002, 60 * kMinute}}};
constexpr double kDeviation = 2.75;  // of the logarithm of the durations

struct Outcome {
  TraceJob::Status status;
  double share;
  double stretch;  // GPU time of such a job / that of an average one
};
constexpr std::array<Outcome, 3> kOutcomes = {{{TraceJob::Status::kPassed, 0.693, 0.445 / 0.693},
                                               {TraceJob::Status::kKilled, 0.135, 0.377 / 0.135},
                                               {TraceJob::Status::kFailed, 0.172, 0.178 / 0.172}}};

// People ask for one of few round limits (Tsafrir, Etsion, Feitelson, "Modeling
// User Runtime Estimates", JSSPP 2005: 20 values make 90 % of all estimates),
// of which jobs use a share that is nearly uniform (Mu'alem, Feitelson, IEEE
// TPDS 2001), and many ask for the longest that is allowed. An estimate that is
// a plain multiple of the duration would tell the scheduler too much (Tsafrir,
// "Using Inaccurate Estimates Accurately", JSSPP 2010).
constexpr std::array<double, 20> kLimits = {
    5 * kMinute, 10 * kMinute, 15 * kMinute, 20 * kMinute, 30 * kMinute, kHour,   2 * kHour,
    3 * kHour,   4 * kHour,    6 * kHour,    8 * kHour,    12 * kHour,   kDay,    2 * kDay,
    3 * kDay,    5 * kDay,     7 * kDay,     14 * kDay,    30 * kDay,    kLongest};
constexpr double kAsksForTheLongest = 0.15;

template <typename Entries>
const auto& Pick(const Entries& entries, double uniform) {
  for (const auto& entry : entries) {
    if (uniform < entry.share) return entry;
    uniform -= entry.share;
  }
  return entries.back();
}

struct TeamShare {
  std::string name;
  double share;
};
std::vector<TeamShare> TeamShares() {
  std::vector<TeamShare> teams;
  double total = 0;
  for (int i = 0; i < kTeams; ++i) total += 1.0 / (i + 1);
  for (int i = 0; i < kTeams; ++i)
    teams.push_back({absl::StrFormat("vc%02d", i + 1), 1.0 / (i + 1) / total});
  return teams;
}

double TimeLimit(double planned_s, Random& random) {
  const bool longest = random.Uniform() < kAsksForTheLongest;
  const double used = 1 - random.Uniform();  // above 0
  if (longest) return kLimits.back();
  const auto limit = std::lower_bound(kLimits.begin(), kLimits.end(), planned_s / used);
  return limit == kLimits.end() ? kLimits.back() : *limit;
}

TraceJob MakeJob(const PhillyOptions& options, const std::vector<TeamShare>& teams, int index) {
  Random random(RandomKey({options.seed, static_cast<uint64_t>(index)}));
  const Size& size = Pick(kSizes, random.Uniform());
  const Outcome& outcome = Pick(kOutcomes, random.Uniform());
  TraceJob job{
      .team = Pick(teams, random.Uniform()).name, .slots = size.slots, .status = outcome.status};
  const double duration = size.median_s * outcome.stretch * std::exp(kDeviation * random.Normal());
  job.duration_s = std::clamp(std::round(duration), 1.0, kLongest);
  // What did not pass had meant to run for longer.
  const double done = 1 - random.Uniform();
  job.planned_s = job.status == TraceJob::Status::kPassed
                      ? job.duration_s
                      : std::min(kLongest, std::round(job.duration_s / done));
  job.time_limit_s = TimeLimit(job.planned_s, random);
  job.saves = job.progress = random.Uniform() < options.saves;
  const bool elastic = random.Uniform() < options.elastic;
  if (elastic && job.saves && job.slots >= 4) job.min_slots = job.slots / 4;
  if (random.Uniform() < options.urgent) job.priority = 1;
  return job;
}

// How many arrive, compared with the busiest hour: twice as many at 15:00 as at
// 3:00, and at weekends half of that.
double Busyness(double time_s) {
  const double hour = std::fmod(time_s, kDay) / kHour;
  const bool weekend = std::fmod(time_s, 7 * kDay) >= 5 * kDay;
  const double day = 0.75 + 0.25 * std::cos((hour - 15) / 24 * 2 * std::numbers::pi);
  return weekend ? day / 2 : day;
}

std::vector<double> Arrivals(const PhillyOptions& options, double span_s) {
  Random random(RandomKey({options.seed, RandomKeyOf("arrivals")}));
  std::vector<double> times;
  while (static_cast<int>(times.size()) < options.jobs) {
    const double time = std::floor(random.Uniform() * span_s);
    if (random.Uniform() < Busyness(time)) times.push_back(time);
  }
  std::sort(times.begin(), times.end());
  return times;
}

}  // namespace

Trace MakePhillyTrace(const PhillyOptions& options) {
  const std::vector<TeamShare> teams = TeamShares();
  Trace trace;
  double work = 0;
  for (int i = 0; i < options.jobs; ++i) {
    trace.push_back(MakeJob(options, teams, i));
    work += trace.back().duration_s * trace.back().slots;
  }
  const std::vector<double> arrivals = Arrivals(options, work / (options.load * options.slots));
  for (int i = 0; i < options.jobs; ++i) trace[i].submit_s = arrivals[i];
  return trace;
}

}  // namespace octet::scheduler
