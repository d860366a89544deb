// The scheduling core, with its default policies, on a cluster of 10,000 nodes
// of 8 slots with 100,000 jobs in the queue. Prints one JSON line last:
//   cycle_s         the pass that finds the cluster empty, and fills it
//   busy_cycle_s    a pass over the full queue of a full cluster
//   incremental_*   a job ends, another arrives
//   simulate_scale [NODES [JOBS]]
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "scheduler/core/core.h"
#include "scheduler/sim/metrics.h"
#include "scheduler/sim/philly.h"

namespace octet::scheduler {
namespace {

constexpr int kSlots = 8, kNodesPerSwitch = 16, kIncrements = 2000;
// A job of the trace runs for seven hours: tens of thousands of them end twice
// a second.
constexpr absl::Duration kBetweenIncrements = absl::Milliseconds(500);

class Bench {
 public:
  Bench(int nodes, int jobs)
      : jobs_(jobs),
        trace_(MakePhillyTrace({.jobs = 2 * jobs, .slots = nodes * kSlots})),
        core_({.heartbeat_timeout = absl::InfiniteDuration()}, {}, now_) {
    for (int i = 0; i < nodes; ++i) Connect(i);
    FillQueue();
  }

  /// Seconds that a look at the whole queue takes.
  double Cycle() {
    const absl::Time start = absl::Now();
    // A node that comes back is a reason to look at the queue.
    Apply(UndrainRequested{drained_}, Core::Pass::kNow);
    return absl::ToDoubleSeconds(absl::Now() - start);
  }

  /// One node is set apart, so that there is a reason for the next cycle.
  void DrainOne() {
    Apply(DrainRequested{.name = drained_, .reason = "bench", .by = "bench"}, Core::Pass::kLater);
  }

  void FillQueue() {
    while (static_cast<int>(core_.pending()) < jobs_) Submit(Core::Pass::kLater);
  }

  /// Seconds that the two events take.
  double Increment() {
    now_ += kBetweenIncrements;
    const JobId id = *std::next(core_.running().begin(), turn_++ * 31 % 1000);
    const Attempt attempt = *core_.jobs().at(id).live();
    const absl::Time start = absl::Now();
    for (const Part& part : attempt.parts)
      Apply(PartEnded{{id, attempt.number}, part.node, true},
            &part == &attempt.parts.back() ? Core::Pass::kNow : Core::Pass::kLater);
    Submit(Core::Pass::kNow);
    return absl::ToDoubleSeconds(absl::Now() - start);
  }

  /// Time in which jobs come to have run for long.
  void Wait(absl::Duration time) { now_ += time; }
  const Core& core() const { return core_; }

 private:
  void Apply(const Event& event, Core::Pass pass) {
    const auto transition = core_.Apply(event, now_, pass);
    if (transition.ok()) return;
    std::fprintf(stderr, "simulate_scale: %s\n", transition.status().ToString().c_str());
    std::exit(1);
  }

  void Connect(int index) {
    NodeConnected event{.name = absl::StrFormat("n%05d", index),
                        .agent_instance = "a",
                        .switch_name = absl::StrCat("s", index / kNodesPerSwitch)};
    for (int slot = 0; slot < kSlots; ++slot)
      event.slots.push_back({.index = slot, .resource = "gpu"});
    Apply(event, Core::Pass::kLater);
  }

  void Submit(Core::Pass pass) {
    const TraceJob& job = trace_[submitted_++ % trace_.size()];
    Apply(JobSubmitted{.name = "job",
                       .owner = job.team,
                       .stages = {{"train", {.slots = job.slots, .resource = "gpu"}, job.saves}},
                       .team = job.team,
                       .time_limit = absl::Seconds(job.time_limit_s)},
          pass);
  }

  const int jobs_;
  const Trace trace_;
  const std::string drained_ = "n00000";
  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  Core core_;
  size_t submitted_ = 0;
  int turn_ = 0;
};

double PeakMebibytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void Run(int nodes, int jobs) {
  Bench bench(nodes, jobs);
  bench.DrainOne();
  const double cycle = bench.Cycle();
  const size_t running = bench.core().running().size();
  bench.FillQueue();
  // Long enough for jobs that may be stopped for others.
  bench.Wait(absl::Hours(12));
  bench.DrainOne();
  const double busy_cycle = bench.Cycle();
  std::vector<double> increments;
  for (int i = 0; i < kIncrements; ++i) increments.push_back(1e3 * bench.Increment());
  const Spread spread = SpreadOf(increments);
  std::printf(
      "{\"nodes\": %d, \"slots\": %d, \"queued\": %zu, \"running\": %zu, \"cycle_s\": %.3f, "
      "\"busy_cycle_s\": %.3f, \"incremental_median_ms\": %.3f, \"incremental_p99_ms\": %.3f, "
      "\"incremental_max_ms\": %.3f, \"peak_rss_mib\": %.0f}\n",
      nodes, nodes * kSlots, bench.core().pending(), running, cycle, busy_cycle, spread.median,
      spread.p99, *std::max_element(increments.begin(), increments.end()), PeakMebibytes());
}

}  // namespace
}  // namespace octet::scheduler

int main(int argc, char** argv) {
  octet::scheduler::Run(argc > 1 ? std::atoi(argv[1]) : 10'000,
                        argc > 2 ? std::atoi(argv[2]) : 100'000);
}
