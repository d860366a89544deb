#include "scheduler/server/controller.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/sha256.h"
#include "common/status.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "scheduler/server/job_metrics.h"
#include "scheduler/store/group_committer.h"

namespace octet::scheduler {
namespace {

// The same job gives the same hash: maps are written in the order of their keys.
std::string HashOf(const v1::JobSpec& spec) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    spec.SerializeToCodedStream(&coded);
  }
  return Sha256Hex(bytes);
}

std::string KeyOf(const CreateRequest& request) {
  return absl::StrCat(request.owner, "/", request.request_id);
}

std::function<void(const absl::Status&)> TellWhich(
    JobId id, std::function<void(const absl::StatusOr<JobId>&)> then) {
  return [id, then = std::move(then)](const absl::Status& status) {
    then(status.ok() ? absl::StatusOr<JobId>(id) : status);
  };
}

}  // namespace

/// One caller that waits for its change.
class Controller::Waiter {
 public:
  Controller::Then Then() {
    return [this](const absl::Status& status) {
      status_ = status;
      done_.Notify();
    };
  }
  absl::Status Wait() {
    done_.WaitForNotification();
    return status_;
  }

 private:
  absl::Status status_;
  absl::Notification done_;
};

// --- Life -------------------------------------------------------------------

Controller::Controller(const Options& options, Store& store, Metrics& metrics, const Clock& clock,
                       std::unique_ptr<Committer> committer)
    : options_(options),
      store_(store),
      metrics_(metrics),
      clock_(clock),
      start_time_(clock.Now()),
      start_steady_(clock.Steady()),
      committer_(std::move(committer)) {}

absl::StatusOr<std::unique_ptr<Controller>> Controller::Open(const Options& options, Store& store,
                                                             Metrics& metrics, const Clock& clock,
                                                             std::unique_ptr<Committer> committer) {
  std::unique_ptr<Controller> controller(
      new Controller(options, store, metrics, clock, std::move(committer)));
  {
    absl::MutexLock lock(&controller->mutex_);
    RETURN_IF_ERROR(controller->Load());
    for (const auto& [id, job] : controller->core_->jobs()) controller->board_.Show(job);
  }
  if (controller->committer_ == nullptr)
    controller->committer_ = std::make_unique<GroupCommitter>(
        store, [&metrics](size_t changes, absl::Duration took, const absl::Status& status) {
          metrics.ObserveTransaction(changes, took, status.ok());
        });
  if (options.ticks)
    controller->ticker_ = std::thread([raw = controller.get()] {
      while (!raw->stopping_.WaitForNotificationWithTimeout(raw->options_.heartbeat_interval / 2))
        raw->Tick();
    });
  return controller;
}

Controller::~Controller() {
  stopping_.Notify();
  if (ticker_.joinable()) ticker_.join();
  committer_.reset();  // What is on its way still comes back here.
}

// Steady, so that a wall clock that is set does not lose every node at once.
absl::Time Controller::Now() const { return start_time_ + (clock_.Steady() - start_steady_); }

absl::Status Controller::Load() {
  std::vector<Job> jobs;
  ASSIGN_OR_RETURN(const auto stored_jobs, store_.LoadTable(kJobTable));
  for (const auto& [key, bytes] : stored_jobs) {
    auto job = DecodeJob(bytes);
    RETURN_IF_ERROR(Annotate(job.status(), absl::StrCat("record ", key, " of the store")));
    jobs.push_back(*std::move(job));
  }
  ASSIGN_OR_RETURN(const auto stored_requests, store_.LoadTable(kRequestTable));
  requests_.clear();
  for (const auto& [key, bytes] : stored_requests) {
    auto request = DecodeRequest(bytes);
    RETURN_IF_ERROR(Annotate(request.status(), absl::StrCat("record ", key, " of the store")));
    requests_.emplace(key, *std::move(request));
  }
  std::map<std::string, Drain> drains;
  ASSIGN_OR_RETURN(const auto stored_drains, store_.LoadTable(kDrainTable));
  for (const auto& [key, bytes] : stored_drains) {
    auto drain = DecodeDrain(bytes);
    RETURN_IF_ERROR(Annotate(drain.status(), absl::StrCat("record ", key, " of the store")));
    if (drain->has_value()) drains.emplace(key, **std::move(drain));
  }
  CoreOptions core = options_.core;
  core.heartbeat_timeout = options_.heartbeat_timeout;
  core_.emplace(std::move(core), std::move(jobs), Now(), std::move(drains));
  last_tick_ = Now();
  return absl::OkStatus();
}

absl::Status Controller::Recover() {
  if (!broken_) return absl::OkStatus();
  committer_->Resume();
  RETURN_IF_ERROR(Load());
  broken_ = false;
  for (const auto& [node, session] : sessions_)
    session->Close(absl::UnavailableError(
        "the scheduler could not store its state and went back; connect again"));
  sessions_.clear();
  spdlog::warn("went back to the state that is stored");
  return absl::OkStatus();
}

// --- Changes ----------------------------------------------------------------

absl::StatusOr<Transition> Controller::Apply(const Event& event, Change& change) {
  const absl::Duration start = clock_.Steady();
  ASSIGN_OR_RETURN(Transition transition, core_->Apply(event, Now()));
  if (transition.passed) metrics_.ObservePass(clock_.Steady() - start);
  for (const JobId id : transition.changed) {
    const Job& job = core_->jobs().at(id);
    change.batch.puts.push_back({kJobTable, FormatJobId(id), EncodeJob(job)});
    change.jobs.push_back(job);
  }
  for (const std::string& node : transition.changed_drains) {
    const auto drain = core_->drains().find(node);
    change.batch.puts.push_back(
        {kDrainTable, node,
         EncodeDrain(
             node, drain == core_->drains().end() ? std::nullopt : std::optional(drain->second))});
  }
  for (const HistoryLine& line : transition.history) {
    change.batch.events.push_back({.job = line.job == kNoJob ? "" : FormatJobId(line.job),
                                   .value = ToProto(line).SerializeAsString()});
    change.events.push_back(line.type);
  }
  for (const Effect& effect : transition.effects) change.messages.push_back(ToMessage(effect));
  return transition;
}

Controller::Message Controller::ToMessage(const Effect& effect) const {
  v1::SchedulerMessage message;
  if (const auto* stop = std::get_if<StopAttempt>(&effect)) {
    *message.mutable_stop_attempt() = ToProto(*stop);
    return {stop->node, message};
  }
  const auto& start = std::get<StartAttempt>(effect);
  const Job& job = core_->jobs().at(start.ref.job);
  *message.mutable_start_attempt() = ToProto(start, job);
  return {start.node, message};
}

void Controller::Submit(Change change) {
  if (change.IsEmpty()) return;
  Batch batch = std::move(change.batch);
  auto shared = std::make_shared<const Change>(std::move(change));
  committer_->Submit(std::move(batch), [this, submitted = clock_.Steady(),
                                        change = std::move(shared)](const absl::Status& status) {
    metrics_.ObserveCommit(clock_.Steady() - submitted);
    if (status.ok()) {
      Publish(*change);
    } else if (!broken_.exchange(true)) {
      spdlog::error("cannot store a change: {}", std::string(status.message()));
    }
    if (change->then) change->then(status);
  });
}

void Controller::Publish(const Change& change) {
  for (const Job& job : change.jobs) ObserveChange(board_.Show(job), job, metrics_);
  for (const std::string& type : change.events) metrics_.CountEvent(type);
  if (change.connects) recipients_[change.connects->first] = change.connects->second;
  for (const auto& [node, message] : change.messages)
    if (const auto found = recipients_.find(node); found != recipients_.end())
      found->second->Send(message);
  for (const Job& job : change.jobs) notifier_.Notify(FormatJobId(job.id));
}

void Controller::Tick() {
  absl::MutexLock lock(&mutex_);
  if (!Recover().ok()) return;
  Change change;
  const absl::Time now = Now();
  const bool was_deaf = now - std::exchange(last_tick_, now) > options_.heartbeat_timeout / 2;
  const auto transition = Apply(octet::scheduler::Tick{.was_deaf = was_deaf}, change);
  if (!transition.ok()) return;
  // A silent stream may be half open: while it stands, it keeps the node's
  // agent, started anew, from coming back.
  for (const std::string& node : transition->changed_nodes) {
    const auto found = core_->nodes().find(node);
    const bool gone = found == core_->nodes().end() || found->second.state == Node::State::kLost;
    if (gone && sessions_.contains(node)) {
      sessions_[node]->Close(absl::DeadlineExceededError(
          absl::StrCat("nothing was heard of node ", node, " for too long; connect again")));
      DropSession(node, change);
    }
  }
  Submit(std::move(change));
}

// --- Jobs -------------------------------------------------------------------

absl::StatusOr<std::optional<JobId>> Controller::FindRequestLocked(
    const CreateRequest& request) const {
  if (request.request_id.empty()) return std::nullopt;
  const auto found = requests_.find(KeyOf(request));
  if (found == requests_.end()) return std::nullopt;
  if (found->second.spec_sha256 == HashOf(request.submitted)) return found->second.job;
  return absl::AlreadyExistsError(
      absl::StrCat("request_id: ", request.request_id, " made job ", FormatJobId(found->second.job),
                   " from another job file; use a new id for a new job"));
}

absl::StatusOr<bool> Controller::FindRequest(
    const CreateRequest& request, std::function<void(const absl::StatusOr<JobId>&)> then) {
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(Recover());
  ASSIGN_OR_RETURN(const std::optional<JobId> id, FindRequestLocked(request));
  if (!id) return false;
  // It may be on its way to the disk; what is submitted now comes after it.
  Submit({.then = TellWhich(*id, std::move(then))});
  return true;
}

absl::Status Controller::CheckCanRun(const JobSubmitted& job) const {
  for (const Stage& stage : job.stages)
    if (const std::string never = core_->NeverCan(stage.gang, job.team); !never.empty())
      return absl::FailedPreconditionError(
          absl::StrCat(stage.name, stage.name == "export" ? ": " : ".gang: ", never));
  return core_->Check(job);
}

absl::Status Controller::BeginCreate(const CreateRequest& request,
                                     std::function<void(const absl::StatusOr<JobId>&)> then) {
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(Recover());
  ASSIGN_OR_RETURN(std::optional<JobId> id, FindRequestLocked(request));
  Change change;
  if (!id) {
    const JobSubmitted event = ToSubmission(request.spec, request.owner, request.trials);
    RETURN_IF_ERROR(CheckCanRun(event));
    ASSIGN_OR_RETURN(const Transition transition, Apply(event, change));
    id = transition.created;
    if (!request.request_id.empty()) {
      const StoredRequest made{*id, HashOf(request.submitted)};
      requests_[KeyOf(request)] = made;
      change.batch.puts.push_back({kRequestTable, KeyOf(request), EncodeRequest(made)});
    }
  }
  change.then = TellWhich(*id, std::move(then));
  Submit(std::move(change));
  return absl::OkStatus();
}

absl::StatusOr<JobView> Controller::Preview(const CreateRequest& request) {
  const JobSubmitted event = ToSubmission(request.spec, request.owner, request.trials);
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckCanRun(event));
  return JobView{.job = {.name = event.name,
                         .owner = event.owner,
                         .team = event.team,
                         .spec = event.spec,
                         .stages = event.stages,
                         .max_restarts = event.max_restarts,
                         .create_time = Now()}};
}

absl::Status Controller::Begin(const Event& event, Then then) {
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(Recover());
  Change change;
  RETURN_IF_ERROR(Apply(event, change));
  change.then = std::move(then);
  Submit(std::move(change));
  return absl::OkStatus();
}

absl::Status Controller::Do(const Event& event) {
  Waiter waiter;
  RETURN_IF_ERROR(Begin(event, waiter.Then()));
  return waiter.Wait();
}

absl::StatusOr<JobView> Controller::ChangeJob(const std::string& job_id,
                                              const std::function<Event(JobId)>& event) {
  ASSIGN_OR_RETURN(const JobId id, ParseJobId(job_id));
  RETURN_IF_ERROR(Do(event(id)));
  return GetJob(job_id);
}

absl::StatusOr<JobView> Controller::CancelJob(const std::string& job_id,
                                              const std::string& reason) {
  return ChangeJob(job_id, [&](JobId id) { return CancelRequested{id, reason}; });
}

absl::StatusOr<JobView> Controller::HoldJob(const std::string& job_id, const std::string& reason) {
  return ChangeJob(job_id, [&](JobId id) { return HoldRequested{id, reason}; });
}

absl::StatusOr<JobView> Controller::ReleaseJob(const std::string& job_id) {
  return ChangeJob(job_id, [&](JobId id) { return ReleaseRequested{id}; });
}

absl::StatusOr<JobView> Controller::RequeueJob(const std::string& job_id,
                                               const std::string& reason) {
  return ChangeJob(job_id, [&](JobId id) { return RequeueRequested{id, reason}; });
}

JobView Controller::WithReason(JobView view) const {
  if (view.job.state != JobState::kPending) return view;
  absl::MutexLock lock(&mutex_);
  view.reasons = core_->ReasonsOf(view.job);
  return view;
}

absl::StatusOr<JobView> Controller::GetJob(const std::string& job_id) const {
  ASSIGN_OR_RETURN(const JobId id, ParseJobId(job_id));
  ASSIGN_OR_RETURN(JobView view, board_.Find(id));
  return WithReason(std::move(view));
}

std::vector<JobView> Controller::ListJobs(const JobFilter& filter, JobId below, int limit) const {
  std::vector<JobView> views = board_.List(filter, below, limit);
  for (JobView& view : views) view = WithReason(std::move(view));
  return views;
}

std::string Controller::DefaultResource() const {
  absl::MutexLock lock(&mutex_);
  return core_->nodes().empty() ? "" : core_->cluster().ResourceOf(Gang{});
}

absl::StatusOr<Controller::AttemptView> Controller::FindAttempt(const std::string& job_id,
                                                                int attempt) const {
  ASSIGN_OR_RETURN(const JobId id, ParseJobId(job_id));
  ASSIGN_OR_RETURN(const JobView view, board_.Find(id));
  const std::vector<Attempt>& attempts = view.job.attempts;
  const int number = attempt == 0 ? static_cast<int>(attempts.size()) : attempt;
  for (const Attempt& each : attempts)
    if (each.number == number) return AttemptView{number, IsFinal(each.state), each.slots()};
  return absl::NotFoundError(attempts.empty()
                                 ? absl::StrCat("job ", job_id, " has not started yet")
                                 : absl::StrCat("job ", job_id, " has no attempt ", attempt,
                                                "; it has ", attempts.size()));
}

absl::Status Controller::CheckNewestAttempt(const std::string& job_id, int attempt) const {
  RETURN_IF_ERROR(FindAttempt(job_id, attempt));
  ASSIGN_OR_RETURN(const AttemptView newest, FindAttempt(job_id, 0));
  if (attempt == newest.attempt) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("attempt ", attempt, " of job ", job_id,
                                                    " is over, attempt ", newest.attempt,
                                                    " has taken its place"));
}

std::vector<Node> Controller::ListNodes(const std::string& after, size_t limit) const {
  absl::MutexLock lock(&mutex_);
  std::vector<Node> nodes;
  for (auto it = core_->nodes().upper_bound(after);
       it != core_->nodes().end() && nodes.size() < limit; ++it)
    nodes.push_back(it->second);
  return nodes;
}

absl::StatusOr<std::vector<v1::Event>> Controller::ListEvents(const std::string& job_id,
                                                              int64_t after, int limit) const {
  if (!job_id.empty()) RETURN_IF_ERROR(GetJob(job_id));
  ASSIGN_OR_RETURN(const auto stored, store_.Events(job_id, after, limit));
  std::vector<v1::Event> events;
  for (const StoredEvent& line : stored) {
    v1::Event& event = events.emplace_back();
    event.ParseFromString(line.value);
    event.set_sequence(line.sequence);
  }
  return events;
}

ClusterFigures Controller::Figures() const {
  absl::MutexLock lock(&mutex_);
  ClusterFigures figures = FiguresOf(*core_, Now());
  figures.connected_agents = static_cast<int>(sessions_.size());
  return figures;
}

}  // namespace octet::scheduler
