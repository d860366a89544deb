#include "scheduler/sim/simulator.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <limits>
#include <optional>
#include <queue>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/random.h"
#include "common/status.h"

namespace octet::scheduler {
namespace {

constexpr double kHour = 3600;
constexpr char kResource[] = "gpu";
// With nothing that runs or comes, what has not started by now never will.
constexpr double kGiveUpAfter = 24 * kHour;

absl::Time At(double time_s) { return absl::UnixEpoch() + absl::Seconds(time_s); }

std::string NodeName(int index) { return absl::StrFormat("n%05d", index); }

struct Timer {
  enum class Kind { kDone, kStopped, kMeasured, kDeadline, kNodeDown, kNodeUp };

  double time;
  int64_t order;  // of what happens at the same time
  Kind kind;
  JobId job = kNoJob;
  int attempt = 0;
  int node = 0;

  bool operator>(const Timer& other) const {
    return std::tie(time, order) > std::tie(other.time, other.order);
  }
};

/// The attempt of a job that holds slots now.
struct Run {
  int attempt = 0;  // 0: none
  int slots = 0;
  double start_s = 0;
  double work_s = 0;   // when it gets to work
  double rate = 1;     // work done in a second, in seconds of the full gang
  double kept_s = -1;  // of the time since work_s, what will not be done again; -1: open
  bool stopping = false;
  bool crashed = false;
};

struct SimulatedJob {
  size_t index = 0;  // in the trace
  bool waits = false;
  double waits_since = 0;
  double left_s = 0;  // work, in seconds of the full gang
  Run run;
};

class Simulator final {
 public:
  Simulator(const SimulationOptions& options, const Trace& trace)
      : options_(options), trace_(trace), core_(options.core, {}, At(0)), jobs_(1) {
    simulation_.slots = options.nodes * options.slots_per_node;
    simulation_.jobs.resize(trace.size());
  }

  absl::StatusOr<Simulation> Play() {
    for (int node = 0; node < options_.nodes; ++node) RETURN_IF_ERROR(Connect(node));
    for (int node = 0; node < options_.nodes; ++node) PlanFailure(node);
    while (submitted_ < trace_.size() || open_ > 0) {
      const double next = NextTime();
      if (next == kNever) break;
      AdvanceTo(next);
      RETURN_IF_ERROR(Step());
    }
    AdvanceTo(now_ + 1);  // Closes the last hour.
    return std::move(simulation_);
  }

 private:
  static constexpr double kNever = std::numeric_limits<double>::infinity();

  // --- What comes next ----------------------------------------------------------

  double NextSubmit() const {
    return submitted_ < trace_.size() ? trace_[submitted_].submit_s : kNever;
  }
  double NextTimer() {
    while (!timers_.empty() && IsStale(timers_.top())) timers_.pop();
    return timers_.empty() ? kNever : timers_.top().time;
  }
  double NextTick() const {
    if (open_ == 0) return kNever;
    const bool hopeless = core_.running().empty() && submitted_ == trace_.size() &&
                          now_ - last_start_s_ > kGiveUpAfter;
    const double tick_s = absl::ToDoubleSeconds(options_.tick);
    return hopeless ? kNever : (std::floor(last_tick_s_ / tick_s) + 1) * tick_s;
  }
  double NextTime() { return std::min({NextSubmit(), NextTimer(), std::max(now_, NextTick())}); }

  bool IsStale(const Timer& timer) const {
    if (timer.job == kNoJob) return false;
    const Run& run = jobs_[timer.job].run;
    if (run.attempt != timer.attempt) return true;
    return timer.kind == Timer::Kind::kStopped ? false : run.stopping || run.crashed;
  }

  void Plan(double time, Timer::Kind kind, JobId job, int attempt, int node = 0) {
    timers_.push({time, ++order_, kind, job, attempt, node});
  }

  // One thing that happens now. The queue is looked at after the last of them.
  absl::Status Step() {
    if (NextTimer() <= now_) {
      const Timer timer = timers_.top();
      timers_.pop();
      return On(timer);
    }
    if (NextSubmit() <= now_) return Submit(submitted_++);
    last_tick_s_ = now_;
    return Tick();
  }

  bool MoreNow() { return NextTimer() <= now_ || NextSubmit() <= now_; }

  // --- Time ---------------------------------------------------------------------

  HourRecord& Hour() {
    const size_t hour = static_cast<size_t>(now_ / kHour);
    if (simulation_.hours.size() <= hour) simulation_.hours.resize(hour + 1);
    return simulation_.hours[hour];
  }

  void AdvanceTo(double time) {
    while (now_ < time) {
      HourRecord& hour = Hour();
      const double boundary = (std::floor(now_ / kHour) + 1) * kHour;
      const double until = std::min(time, boundary);
      hour.busy_slot_s += busy_ * (until - now_);
      hour.wanted_slot_s += std::min<double>(simulation_.slots, wanted_) * (until - now_);
      hour.waiting_job_s += static_cast<double>(waiting_) * (until - now_);
      if (until == boundary) hour.teams = demand_;
      now_ = until;
    }
  }

  // --- The core -----------------------------------------------------------------

  // last: of the events that one thing causes.
  absl::Status Apply(const Event& event, bool last = true) {
    const bool look = last && !MoreNow();
    ASSIGN_OR_RETURN(const Transition transition,
                     core_.Apply(event, At(now_), look ? Core::Pass::kNow : Core::Pass::kLater));
    for (const JobId id : transition.changed) RETURN_IF_ERROR(Follow(id));
    for (const Effect& effect : transition.effects)
      if (const auto* stop = std::get_if<StopAttempt>(&effect)) OnStop(stop->ref);
    return absl::OkStatus();
  }

  // Brings what is known of the job in line with the core.
  absl::Status Follow(JobId id) {
    if (jobs_.size() <= static_cast<size_t>(id)) jobs_.resize(id + 1);
    const Job& job = core_.jobs().at(id);
    SimulatedJob& mine = jobs_[id];
    const Attempt* live = job.live();
    if (mine.run.attempt != 0 && (live == nullptr || live->number != mine.run.attempt))
      CloseRun(job, mine);
    const bool waits = job.state == JobState::kPending;
    if (waits != mine.waits) SetWaiting(mine, waits);
    if (live != nullptr && mine.run.attempt == 0) return OpenRun(job, mine);
    JobRecord& record = RecordOf(mine);
    if (IsFinal(job.state) && record.end_s < 0) {
      record.end_s = now_;
      --open_;
      wanted_ -= TraceOf(mine).slots;
    }
    return absl::OkStatus();
  }

  JobRecord& RecordOf(const SimulatedJob& job) { return simulation_.jobs[job.index]; }
  const TraceJob& TraceOf(const SimulatedJob& job) const { return trace_[job.index]; }

  void SetWaiting(SimulatedJob& job, bool waits) {
    const int sign = waits ? 1 : -1;
    waiting_ += sign;
    demand_[TraceOf(job).team].waiting += sign * TraceOf(job).slots;
    if (waits) {
      job.waits_since = now_;
    } else {
      RecordOf(job).wait_s += now_ - job.waits_since;
    }
    job.waits = waits;
  }

  absl::Status OpenRun(const Job& job, SimulatedJob& mine) {
    const TraceJob& trace = TraceOf(mine);
    const Attempt attempt = *job.live();  // Part reports change it.
    Run& run = mine.run;
    const bool begun = mine.left_s < trace.duration_s;
    run = {.attempt = attempt.number, .slots = attempt.slots(), .start_s = now_};
    run.work_s = now_ + (begun ? absl::ToDoubleSeconds(options_.load_time) : 0);
    run.rate = std::pow(static_cast<double>(run.slots) / trace.slots, options_.scaling);
    busy_ += run.slots;
    demand_[trace.team].held += run.slots;
    last_start_s_ = now_;
    if (RecordOf(mine).start_s < 0) RecordOf(mine).start_s = now_;

    const double done = run.work_s + mine.left_s / run.rate;
    const double deadline = trace.time_limit_s > 0 ? now_ + trace.time_limit_s : kNever;
    const double measured = run.work_s + absl::ToDoubleSeconds(options_.measured_after);
    if (trace.progress && measured < done)
      Plan(measured, Timer::Kind::kMeasured, job.id, run.attempt);
    Plan(std::min(done, deadline), done <= deadline ? Timer::Kind::kDone : Timer::Kind::kDeadline,
         job.id, run.attempt);
    for (const Part& part : attempt.parts)
      RETURN_IF_ERROR(Apply(PartStarted{{job.id, attempt.number}, part.node}, false));
    return absl::OkStatus();
  }

  void CloseRun(const Job& job, SimulatedJob& mine) {
    const Run run = std::exchange(mine.run, {});
    const double kept = run.kept_s >= 0 ? run.kept_s : KeptAfterCrash(mine, run);
    JobRecord& record = RecordOf(mine);
    mine.left_s -= kept * run.rate;
    busy_ -= run.slots;
    demand_[TraceOf(mine).team].held -= run.slots;
    const double lost = run.slots * (now_ - run.start_s - kept);
    record.held_slot_s += run.slots * (now_ - run.start_s);
    record.lost_slot_s += lost;
    Hour().lost_slot_s += lost;
    record.preemptions = job.preemptions;
    record.resizes += job.attempts[run.attempt - 1].stop_cause == StopCause::kResize;
  }

  double WorkedSince(const Run& run) const { return std::max(0.0, now_ - run.work_s); }

  double KeptAfterCrash(const SimulatedJob& job, const Run& run) const {
    if (!TraceOf(job).saves) return 0;
    const double interval_s = absl::ToDoubleSeconds(options_.checkpoint_interval);
    return std::floor(WorkedSince(run) / interval_s) * interval_s;
  }

  // The core wants an attempt to end; it says so for each of its nodes.
  void OnStop(const AttemptRef& ref) {
    SimulatedJob& mine = jobs_[ref.job];
    Run& run = mine.run;
    if (run.attempt != ref.attempt || run.stopping) return;
    run.stopping = true;
    const StopCause cause = core_.jobs().at(ref.job).attempts[ref.attempt - 1].stop_cause;
    const bool final = cause == StopCause::kCancel || cause == StopCause::kTimeLimit;
    double delay = 0;
    if (run.kept_s < 0 && !run.crashed) {
      if (final) {
        run.kept_s = WorkedSince(run);
      } else if (cause != StopCause::kFailure) {
        run.kept_s = TraceOf(mine).saves ? WorkedSince(run) : 0;
        if (TraceOf(mine).saves) delay = absl::ToDoubleSeconds(options_.save_time);
      } else {
        run.kept_s = KeptAfterCrash(mine, run);
      }
    }
    Plan(now_ + delay, Timer::Kind::kStopped, ref.job, ref.attempt);
  }

  // --- What happens -------------------------------------------------------------

  absl::Status Submit(size_t index) {
    const TraceJob& trace = trace_[index];
    const Gang gang{.slots = trace.slots,
                    .nodes = trace.nodes,
                    .resource = kResource,
                    .min_slots = trace.min_slots};
    if (!core_.NeverCan(gang, trace.team).empty()) {
      simulation_.jobs[index].refused = true;
      return absl::OkStatus();
    }
    SimulatedJob job{.index = index, .left_s = trace.duration_s};
    jobs_.push_back(job);
    ++open_;
    wanted_ += trace.slots;
    JobSubmitted event{.name = "job",
                       .owner = trace.team,
                       .stages = {{"train", gang, trace.saves}},
                       .team = trace.team,
                       .priority = trace.priority};
    if (trace.time_limit_s > 0) event.time_limit = absl::Seconds(trace.time_limit_s);
    return Annotate(Apply(event), absl::StrCat("job ", index + 1, " of the trace"));
  }

  absl::Status On(const Timer& timer) {
    switch (timer.kind) {
      case Timer::Kind::kDone:
        return Done(timer);
      case Timer::Kind::kStopped:
        return EndParts(timer, false, std::nullopt);
      case Timer::Kind::kMeasured:
        return Measured(timer);
      case Timer::Kind::kDeadline:
        return Tick();
      case Timer::Kind::kNodeDown:
        return NodeDown(timer.node);
      case Timer::Kind::kNodeUp:
        PlanFailure(timer.node);
        return Connect(timer.node);
    }
    return absl::OkStatus();
  }

  absl::Status Done(const Timer& timer) {
    SimulatedJob& mine = jobs_[timer.job];
    mine.run.kept_s = WorkedSince(mine.run);
    switch (TraceOf(mine).status) {
      case TraceJob::Status::kPassed:
        return EndParts(timer, true, std::nullopt);
      case TraceJob::Status::kFailed:
        return EndParts(timer, false,
                        Failure{.failure_class = FailureClass::kJob, .message = "failed"});
      case TraceJob::Status::kKilled:
        return Apply(CancelRequested{timer.job, "killed"});
    }
    return absl::OkStatus();
  }

  // Every part that is open and whose node is there.
  absl::Status EndParts(const Timer& timer, bool succeeded, const std::optional<Failure>& failure) {
    std::vector<std::string> nodes;
    for (const Part& part : core_.jobs().at(timer.job).live()->parts)
      if (part.state != Part::State::kEnded && core_.nodes().at(part.node).connected)
        nodes.push_back(part.node);
    for (const std::string& node : nodes)
      RETURN_IF_ERROR(Apply(PartEnded{{timer.job, timer.attempt}, node, succeeded, failure},
                            &node == &nodes.back()));
    return absl::OkStatus();
  }

  absl::Status Measured(const Timer& timer) {
    const SimulatedJob& mine = jobs_[timer.job];
    const TraceJob& trace = TraceOf(mine);
    const double done_s = trace.duration_s - mine.left_s + WorkedSince(mine.run) * mine.run.rate;
    const double left_s = std::max(0.0, trace.planned_s - done_s) / mine.run.rate;
    const std::string node = core_.jobs().at(timer.job).live()->parts.front().node;
    return Apply(RemainingMeasured{{timer.job, timer.attempt}, node, absl::Seconds(left_s)});
  }

  absl::Status Tick() {
    // A node is only ever silent where nodes fail.
    if (options_.time_between_failures != absl::InfiniteDuration())
      for (const auto& [name, node] : core_.nodes())
        if (node.connected) RETURN_IF_ERROR(Apply(Heartbeat{name}, false));
    return Apply(octet::scheduler::Tick{});
  }

  // --- Nodes --------------------------------------------------------------------

  absl::Status Connect(int index) {
    NodeConnected event{.name = NodeName(index),
                        .agent_instance = absl::StrCat(++instances_),
                        .switch_name = absl::StrCat("s", index / options_.nodes_per_switch)};
    for (int slot = 0; slot < options_.slots_per_node; ++slot)
      event.slots.push_back({.index = slot, .resource = kResource});
    return Apply(event);
  }

  void PlanFailure(int node) {
    if (options_.time_between_failures == absl::InfiniteDuration()) return;
    Random random(RandomKey({options_.seed, static_cast<uint64_t>(node), failures_of_[node]++}));
    const double mean_s = absl::ToDoubleSeconds(options_.time_between_failures);
    Plan(now_ - mean_s * std::log(1 - random.Uniform()), Timer::Kind::kNodeDown, kNoJob, 0, node);
  }

  absl::Status NodeDown(int index) {
    const Node& node = core_.nodes().at(NodeName(index));
    for (const JobId id : node.jobs) {
      SimulatedJob& mine = jobs_[id];
      if (mine.run.kept_s < 0) mine.run.kept_s = KeptAfterCrash(mine, mine.run);
      mine.run.crashed = true;
    }
    Plan(now_ + absl::ToDoubleSeconds(options_.repair_time), Timer::Kind::kNodeUp, kNoJob, 0,
         index);
    return Apply(NodeDisconnected{node.name, node.agent_instance});
  }

  const SimulationOptions& options_;
  const Trace& trace_;
  Core core_;
  Simulation simulation_;
  std::deque<SimulatedJob> jobs_;  // by JobId; references stay valid

  double now_ = 0;
  double last_tick_s_ = 0, last_start_s_ = 0;
  size_t submitted_ = 0;
  int64_t open_ = 0;  // submitted and not ended
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  int64_t order_ = 0;
  int64_t busy_ = 0, wanted_ = 0;  // slots; wanted: by the jobs that are open
  int64_t waiting_ = 0;            // jobs
  std::map<std::string, HourRecord::Demand> demand_;
  int64_t instances_ = 0;
  std::map<int, uint64_t> failures_of_;
};

absl::Status Check(const SimulationOptions& options) {
  if (options.nodes < 1 || options.slots_per_node < 1 || options.nodes_per_switch < 1)
    return absl::InvalidArgumentError(absl::StrCat("a cluster of ", options.nodes, " nodes with ",
                                                   options.slots_per_node,
                                                   " slots: both must be 1 or more"));
  if (options.tick <= absl::ZeroDuration())
    return absl::InvalidArgumentError("tick must be more than 0");
  return MakePolicies(options.core.policies).status();
}

}  // namespace

absl::StatusOr<Simulation> Simulate(const SimulationOptions& options, const Trace& trace) {
  RETURN_IF_ERROR(Check(options));
  SimulationOptions adjusted = options;
  // Without failures nobody is silent, and nobody needs to say so.
  if (options.time_between_failures == absl::InfiniteDuration())
    adjusted.core.heartbeat_timeout = absl::InfiniteDuration();
  return Simulator(adjusted, trace).Play();
}

}  // namespace octet::scheduler
