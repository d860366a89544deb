#include "tests/scheduler/faults/users.h"

#include <algorithm>
#include <array>
#include <utility>

#include "scheduler/server/codec.h"
#include "scheduler/server/job_spec.h"
#include "scheduler/server/sweep.h"

namespace octet::scheduler::faults {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(10);
constexpr absl::Duration kBetweenTries = absl::Seconds(1);

// The same call again may be answered otherwise.
bool IsWorthAnotherTry(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status);
}

Gang ToGang(const v1::GangSpec& spec) {
  return {.slots = spec.slots(), .nodes = spec.nodes(), .min_slots = spec.min_slots()};
}

}  // namespace

// --- Calls -----------------------------------------------------------------------

void Users::Start(Call call) {
  ++calls_;
  Try(std::make_shared<Call>(std::move(call)));
}

void Users::Try(const std::shared_ptr<Call>& call) {
  Loop& loop = world_.loop;
  const int number = ++call->tries;
  const int copies = 1 + (call->repeatable && world_.weather.Has(loop, world_.weather.doubled));
  for (int i = 0; i < copies; ++i)
    if (!world_.weather.Has(loop, world_.weather.lost))
      loop.After(world_.network.Latency(), [=, this] { Arrive(call, number); });
  loop.After(kCallTimeout,
             [=, this] { Return(call, number, {absl::DeadlineExceededError("no answer")}); });
}

void Users::Arrive(const std::shared_ptr<Call>& call, int number) {
  SchedulerProcess& scheduler = world_.scheduler;
  if (!scheduler.alive()) {
    world_.loop.After(world_.network.Latency(), [=, this] {
      Return(call, number, {absl::UnavailableError("connection refused")});
    });
    return;
  }
  scheduler.Take([=, this] { Handle(call, number); });
}

void Users::Handle(const std::shared_ptr<Call>& call, int number) {
  SchedulerProcess& scheduler = world_.scheduler;
  const auto reply = [=, this, life = scheduler.life()](const Answer& answer) {
    if (world_.scheduler.alive() && world_.scheduler.life() == life) Reply(call, number, answer);
  };
  const absl::Status status = call->handler(scheduler.controller(), reply);
  if (!status.ok()) reply({status});
}

void Users::Reply(const std::shared_ptr<Call>& call, int number, const Answer& answer) {
  if (answer.status.ok() && call->on_answer) call->on_answer(answer);
  if (!world_.weather.Has(world_.loop, world_.weather.lost))
    world_.loop.After(world_.network.Latency(), [=, this] { Return(call, number, answer); });
}

void Users::Return(const std::shared_ptr<Call>& call, int number, const Answer& answer) {
  if (call->done || number != call->tries) return;
  if (call->repeatable && IsWorthAnotherTry(answer.status)) {
    ++call->tries;  // Nothing that comes of this try counts any more.
    world_.loop.After(kBetweenTries, [=, this] { Try(call); });
    return;
  }
  call->done = true;
  --calls_;
  if (call->on_done) call->on_done(answer);
}

void Users::Ask(const std::string& what, const Event& event,
                std::function<void(const Answer&)> on_answer) {
  world_.loop.Trace("user: ", what);
  Start({.handler =
             [this, what, event](Controller& controller, const std::function<void(Answer)>& reply) {
               world_.loop.Trace("call: ", what);
               return controller.Begin(event,
                                       [reply](const absl::Status& status) { reply({status}); });
             },
         .on_answer = std::move(on_answer)});
}

// --- Submissions -----------------------------------------------------------------

v1::GangSpec Users::MakeGang(const std::string& team, bool elastic) {
  Loop& loop = world_.loop;
  const int nodes = static_cast<int>(world_.nodes.size());
  int most = nodes * world_.slots_of_node;
  const TeamConfig& config = world_.options.teams.at(team);
  if (const auto limit = config.limit.find("cpu"); limit != config.limit.end())
    most = std::min(most, limit->second);
  v1::GangSpec gang;
  if (loop.Chance(0.4)) most = std::min(most, 2);
  int slots = loop.Chance(0.2) ? most : 1 + loop.Below(most);
  if (!elastic && loop.Chance(0.3)) {
    const int on = 1 + loop.Below(std::min(nodes, most));
    gang.set_nodes(on);
    slots = on * (1 + loop.Below(std::min(world_.slots_of_node, most / on)));
  }
  gang.set_slots(slots);
  if (elastic) gang.set_min_slots(1 + loop.Below(slots));
  return gang;
}

void Users::AddWishes(v1::JobSpec& spec, Submission& submission) {
  Loop& loop = world_.loop;
  absl::Duration work = loop.Between(absl::Milliseconds(100), absl::Seconds(30));
  if (loop.Chance(0.25)) {
    const int limit = 2 + loop.Below(40);
    spec.set_time_limit(absl::StrCat(limit, "s"));
    if (loop.Chance(0.3)) work = absl::InfiniteDuration();
  }
  world_.gangs.SetWork(spec.name(), work);
  spec.set_priority(submission.stages.size() > 1 ? 0 : loop.Below(3));
  spec.set_max_restarts(loop.Below(4));
  spec.set_hold(loop.Chance(0.08));
  if (loop.Chance(0.2) && !known_.empty()) {
    static constexpr std::array kConditions = {"succeeded", "failed", "ended"};
    const int condition = loop.Below(3);
    const JobId job = AnyJob();
    v1::DependencySpec& after = *spec.add_after();
    after.set_job_id(FormatJobId(job));
    after.set_condition(kConditions[condition]);
    submission.after.push_back({job, static_cast<Dependency::Condition>(condition)});
  }
  if (spec.has_train() && loop.Chance(0.15)) return AddSweep(spec, submission);
  if (loop.Chance(0.12)) {
    submission.count = 2 + loop.Below(4);
    submission.max_running = loop.Below(3);
    spec.mutable_array()->set_size(submission.count);
    if (submission.max_running > 0) spec.mutable_array()->set_max_running(submission.max_running);
  }
}

void Users::AddSweep(v1::JobSpec& spec, Submission& submission) {
  submission.count = 2 + world_.loop.Below(4);
  v1::SweepSpec& sweep = *spec.mutable_sweep();
  v1::SweepParameter& parameter = *sweep.add_parameters();
  parameter.set_field("train.optimizer.sgd.learning_rate");
  for (int i = 1; i <= submission.count; ++i) parameter.add_values(absl::StrCat("0.", i));
  submission.max_running = world_.loop.Below(3);
  if (submission.max_running > 0) sweep.set_max_running(submission.max_running);
  sweep.mutable_asha()->set_reduction(2);
}

v1::JobSpec Users::MakeSpec(Submission& submission) {
  Loop& loop = world_.loop;
  submission.name = absl::StrCat("job", ++submitted_);
  submission.team = std::array{"red", "green", "blue"}[loop.Below(3)];
  v1::JobSpec spec;
  spec.set_name(submission.name);
  spec.set_team(submission.team);
  const bool trains = loop.Chance(0.5);
  if (trains) {
    *spec.mutable_train()->mutable_gang() = MakeGang(submission.team, loop.Chance(0.4));
    submission.stages.push_back({.name = "train", .gang = ToGang(spec.train().gang())});
    if (loop.Chance(0.5)) {
      spec.mutable_export_()->add_targets("gpu");
      submission.stages.push_back({.name = "export", .gang = {.slots = 1, .nodes = 1}});
    }
  } else {
    spec.mutable_command()->add_argv("true");
    *spec.mutable_command()->mutable_gang() = MakeGang(submission.team, false);
    submission.stages.push_back({.name = "command", .gang = ToGang(spec.command().gang())});
  }
  AddWishes(spec, submission);
  return spec;
}

void Users::Submit() {
  Submission submission;
  CreateRequest request;
  request.submitted = MakeSpec(submission);
  request.owner = std::array{"ada", "bob", "eve"}[world_.loop.Below(3)];
  const bool numbered = world_.loop.Chance(0.9);
  if (numbered) request.request_id = absl::StrCat("request-", submission.name);
  request.spec = request.submitted;
  FillDefaults(request.spec, "cpu");
  request.trials = *TrialsOf(request.submitted);
  for (v1::JobSpec& trial : request.trials) FillDefaults(trial, "cpu");
  if (!request.trials.empty()) request.spec = request.trials.front();
  world_.oracle.Expect(submission);
  world_.loop.Trace("user: submits ", request.submitted.ShortDebugString());
  const std::string name = submission.name;
  Start({.handler =
             [this, request](Controller& controller, const std::function<void(Answer)>& reply) {
               world_.loop.Trace("call: create ", request.submitted.name());
               return controller.BeginCreate(request, [reply](const absl::StatusOr<JobId>& id) {
                 reply({id.status(), id.ok() ? *id : kNoJob});
               });
             },
         .on_answer = [this,
                       name](const Answer& answer) { world_.oracle.OnCreated(name, answer.job); },
         .on_done =
             [this, name](const Answer& answer) {
               world_.loop.Trace("user: ", name, " is ", FormatJobId(answer.job), ", ",
                                 answer.status.ToString());
               if (answer.status.ok()) known_.push_back(answer.job);
             },
         .repeatable = numbered});
}

// --- Everything else ---------------------------------------------------------------

JobId Users::AnyJob() { return known_[world_.loop.Below(static_cast<int>(known_.size()))]; }

void Users::Look() {
  if (!world_.scheduler.alive()) return;
  const auto view = world_.scheduler.controller().GetJob(FormatJobId(AnyJob()));
  if (view.ok()) world_.oracle.OnSeen(view->job);
}

void Users::Drain() {
  Loop& loop = world_.loop;
  const std::string& node = world_.nodes[loop.Below(static_cast<int>(world_.nodes.size()))];
  if (loop.Chance(0.4)) return Ask(absl::StrCat("undrain ", node), UndrainRequested{node});
  const absl::Time end = loop.Chance(0.7) ? world_.scheduler.clock().Now() +
                                                loop.Between(absl::Seconds(1), absl::Seconds(60))
                                          : absl::InfiniteFuture();
  Ask(absl::StrCat("drain ", node), DrainRequested{.name = node,
                                                   .reason = "repair",
                                                   .by = "ada",
                                                   .end_time = end,
                                                   .evict = loop.Chance(0.5)});
}

void Users::Signal() {
  if (!world_.scheduler.alive()) return;
  // Whether it can be sent depends on what runs; either is fine.
  world_.scheduler.controller().SignalJob(FormatJobId(AnyJob()), 10).IgnoreError();
}

void Users::Act() {
  const int what = world_.loop.Below(20);
  if (known_.empty() || what < 8) return Submit();
  const JobId id = AnyJob();
  switch (what) {
    case 8:
    case 9:
      return Ask(absl::StrCat("cancel j", id), CancelRequested{id, "no use"},
                 [this, id](const Answer&) { world_.oracle.OnCancelled(id); });
    case 10:
      return Ask(absl::StrCat("hold j", id), HoldRequested{id, "later"});
    case 11:
    case 12:
      return Ask(absl::StrCat("release j", id), ReleaseRequested{id});
    case 13:
      return Ask(absl::StrCat("requeue j", id), RequeueRequested{id, "again"});
    case 14:
      return Drain();
    case 15:
      return Signal();
    default:
      return Look();
  }
}

bool Users::FitsOn(const Job& job, int nodes) const {
  for (const Stage& stage : job.stages) {
    const Gang& gang = stage.gang;
    int least = gang.elastic() ? gang.min_slots : gang.slots;
    while (least < gang.slots && gang.divides > 0 && gang.divides % least != 0) ++least;
    if (gang.nodes > nodes || least > nodes * world_.slots_of_node) return false;
  }
  return true;
}

void Users::GiveBack(int nodes_left) {
  for (const std::string& node : world_.nodes)
    Ask(absl::StrCat("undrain ", node), UndrainRequested{node});
  for (const auto& [id, job] : world_.oracle.jobs())
    if (!IsFinal(job.state) && !job.cancel_requested) {
      if (job.held) Ask(absl::StrCat("release j", id), ReleaseRequested{id});
      if (!FitsOn(job, nodes_left))
        Ask(absl::StrCat("cancel j", id), CancelRequested{id, "too large for what is left"});
    }
}

}  // namespace octet::scheduler::faults
