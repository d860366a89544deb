#include "worker/agent/attempt.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/clock.h"
#include "common/files.h"
#include "common/log.h"
#include "common/status.h"
#include "google/protobuf/util/json_util.h"
#include "worker/agent/attempt_ref.h"
#include "worker/agent/diagnosis.h"
#include "worker/agent/fetcher.h"
#include "worker/agent/hang_watch.h"
#include "worker/agent/leftovers.h"
#include "worker/agent/verdict.h"
#include "worker/isolation/attempt_key.h"
#include "worker/isolation/bytes.h"

namespace octet::agent {
namespace {

constexpr int kStderrLines = 20;
// After a failure the scheduler waits for the report, to start the next
// attempt: a checkpoint that takes longer than this is not worth it.
constexpr absl::Duration kStoreAfterFailure = absl::Seconds(2);
// SIGKILL takes effect at once, but for a process stuck in the kernel.
constexpr absl::Duration kDeathWait = absl::Seconds(5);

// Most ends of short commands come before this; logs of the others are followed
// from then on, by a thread that short ones do not need.
constexpr absl::Duration kFollowLogsAfter = absl::Milliseconds(50);

// The exit codes that shells have for a command that they cannot start.
constexpr int kExitNotFound = 127;
constexpr int kExitNotExecutable = 126;

v1::Failure FailureOf(const absl::Status& status, const std::string& node) {
  v1::Failure failure;
  failure.set_failure_class(absl::IsInvalidArgument(status) ? v1::FAILURE_CLASS_JOB
                                                            : v1::FAILURE_CLASS_INFRASTRUCTURE);
  failure.set_message(absl::StrCat("node ", node, ": ", status.message()));
  failure.set_rank(-1);
  failure.set_node(node);
  return failure;
}

// A command that is not there is its job's mistake; a part of Octet that is not
// there is the machine's.
v1::Failure CommandFailureOf(const absl::Status& status, const std::string& node) {
  v1::Failure failure = FailureOf(status, node);
  const bool missing = absl::IsNotFound(status);
  if (missing || absl::IsPermissionDenied(status) || absl::IsInvalidArgument(status)) {
    failure.set_failure_class(v1::FAILURE_CLASS_JOB);
    failure.set_exit_code(missing ? kExitNotFound : kExitNotExecutable);
  }
  return failure;
}

std::vector<LogFile> LogFiles(const v1::StartAttempt& start, const AttemptPaths& paths) {
  std::vector<LogFile> files;
  for (const int rank : start.ranks()) {
    for (const char* stream : {"stdout", "stderr"})
      files.push_back({.rank = rank, .stream = stream, .path = paths.Log(rank, stream)});
  }
  return files;
}

bool HasRank(const v1::StartAttempt& start, int rank) {
  return std::count(start.ranks().begin(), start.ranks().end(), rank) > 0;
}

}  // namespace

Attempt::Attempt(const NodeContext& node, v1::StartAttempt start, std::function<void()> on_end)
    : node_(node),
      start_(std::move(start)),
      paths_(node.dir, start_.ref()),
      on_end_(std::move(on_end)),
      gang_(is_command() ? 0 : kStoppedExitCode),
      uploader_(node.scheduler, start_.ref(), paths_.job_dir,
                [this](const v1::FileReady& file) {
                  if (file.checkpoint_step() == 0) return;
                  Report([&](v1::AttemptReport& report) {
                    report.mutable_checkpoint()->set_artifact(file.artifact());
                    report.mutable_checkpoint()->set_step(file.checkpoint_step());
                  });
                }),
      thread_([this] { Run(); }) {}

Attempt::~Attempt() {
  if (!ended()) Abandon();
  thread_.join();
}

bool Attempt::ended() const {
  absl::MutexLock lock(&mutex_);
  return ended_;
}

bool Attempt::HasKey(absl::string_view key) const {
  absl::MutexLock lock(&mutex_);
  return !key_.empty() && key == key_;
}

void Attempt::Stop(absl::Duration grace) {
  gang_.Stop(grace);
  fetch_.Cancel();
}

void Attempt::Abandon() {
  Stop(absl::ZeroDuration());
  uploader_.Abandon();
  {
    absl::MutexLock lock(&mutex_);
    abandoned_ = true;
    if (logs_ != nullptr) logs_->Abandon();
  }
  if (!WaitForRanks(kDeathWait))
    spdlog::error("{}: its ranks do not end after SIGKILL", ToString(ref()));
}

void Attempt::Signal(int signal) {
  if (!is_command() || signal < 1 || signal >= NSIG) {
    spdlog::warn("{}: no rank here takes signal {}", ToString(ref()), signal);
    return;
  }
  gang_.Signal(signal);
}

void Attempt::Input(const v1::AttemptInput& input) {
  if (is_command() && start_.spec().command().stdin() && HasRank(start_, 0))
    gang_.Input(input.offset(), input.data(), input.end());
}

bool Attempt::WaitForRanks(absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&ranks_gone_), timeout);
}

bool Attempt::WaitForEnd(absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&ended_), timeout);
}

absl::Status Attempt::OpenRendezvous(int port) {
  if (port <= 0 || port > 65535)
    return absl::InvalidArgumentError(absl::StrCat(port, " is not a port"));
  const std::string endpoint =
      absl::StrCat(start_.single_node() ? "127.0.0.1" : node_.advertise_host, ":", port);
  {
    absl::MutexLock lock(&mutex_);
    RETURN_IF_ERROR(CheckOpen());
    if (std::exchange(rendezvous_, endpoint) == endpoint) return absl::OkStatus();
  }
  if (!start_.single_node())
    Report([&](v1::AttemptReport& report) { report.set_rendezvous_endpoint(endpoint); });
  return absl::OkStatus();
}

void Attempt::SetRendezvous(const std::string& endpoint) {
  absl::MutexLock lock(&mutex_);
  rendezvous_ = endpoint;
}

absl::StatusOr<std::string> Attempt::GetRendezvous(absl::Time deadline) {
  const auto known = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return ranks_gone_ || !rendezvous_.empty();
  };
  absl::MutexLock lock(&mutex_);
  if (!mutex_.AwaitWithDeadline(absl::Condition(&known), deadline))
    return absl::DeadlineExceededError(
        absl::StrCat("rank 0 of ", ToString(ref()), " has not announced itself yet"));
  RETURN_IF_ERROR(CheckOpen());
  return rendezvous_;
}

absl::Status Attempt::HandleReport(const v1::RankReport& report) {
  {
    absl::MutexLock lock(&mutex_);
    RETURN_IF_ERROR(CheckOpen());
  }
  const int rank = report.ref().rank();
  if (!HasRank(start_, rank))
    return absl::InvalidArgumentError(
        absl::StrCat("rank ", rank, " of ", ToString(ref()), " is not on this node"));
  switch (report.report_case()) {
    case v1::RankReport::kProgress:
      if (report.has_rank_step_time())
        node_.metrics->SetRankTime(ref(), rank, report.rank_step_time());
      if (rank == 0) ReportProgress(report.progress());
      break;
    case v1::RankReport::kFile:
      RETURN_IF_ERROR(CheckArtifactName(report.file().artifact()));
      uploader_.Add(report.file());
      break;
    case v1::RankReport::kTrainResult:
      Report([&](v1::AttemptReport& out) { *out.mutable_train_result() = report.train_result(); });
      break;
    case v1::RankReport::kTargetResult:
      Report(
          [&](v1::AttemptReport& out) { *out.mutable_target_result() = report.target_result(); });
      break;
    case v1::RankReport::kFailure:
      gang_.NoteFailure(rank, report.failure());
      break;
    case v1::RankReport::kResumedStep:
      // Numbered, unlike other progress: where it resumed is kept for good.
      if (rank == 0)
        Report([&](v1::AttemptReport& out) {
          out.mutable_progress()->set_step(report.resumed_step());
        });
      break;
    case v1::RankReport::REPORT_NOT_SET:
      return absl::InvalidArgumentError("an empty report");
  }
  return absl::OkStatus();
}

void Attempt::Run() {
  // A rank that reads no more must not end the agent.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  v1::RanksEnded ended = RunRanks();
  node_.metrics->EndAttempt(ref(), ended);
  StoreFiles(ended);
  spdlog::info("{} ended here: {}", ToString(ref()),
               ended.succeeded() ? "succeeded"
               : ended.stopped() ? "stopped"
                                 : ended.failure().message());
  Report([&](v1::AttemptReport& report) { *report.mutable_ended() = ended; });
  {
    absl::MutexLock lock(&mutex_);
    ended_ = true;
  }
  on_end_();
}

v1::RanksEnded Attempt::RunRanks() {
  absl::Status status = Prepare();
  if (status.ok()) status = StartRanks();
  const v1::RanksEnded ended = status.ok() ? AwaitRanks() : NotStarted(status);
  enclosure_.reset();
  absl::MutexLock lock(&mutex_);
  ranks_gone_ = true;
  return ended;
}

v1::RanksEnded Attempt::AwaitRanks() {
  if (!gang_.WaitFor(kFollowLogsAfter)) {
    absl::MutexLock lock(&mutex_);
    logs_->Follow();
  }
  const std::vector<RankOutcome> outcomes = WatchRanks();
  if (gang_.keeper_lost())
    KillMarked({{kAgentVariable, node_.host.rank_address},
                {"OCTET_JOB_ID", ref().job_id()},
                {"OCTET_ATTEMPT", absl::StrCat(ref().attempt())}});
  v1::RanksEnded ended = is_command() ? JudgeCommand(outcomes, node_.host.node)
                                      : Judge(outcomes, node_.host.node, gang_.stop_requested());
  NameCauseIn(ended, outcomes);
  return ended;
}

std::vector<RankOutcome> Attempt::WatchRanks() {
  isolation::LimitWatch limits = enclosure_->Watch();
  HangWatch hangs(node_.hang_after);
  const absl::Duration hang_interval =
      start_.stage() == "train" ? hangs.interval() : absl::InfiniteDuration();
  const absl::Duration interval = std::min(limits.interval(), hang_interval);
  const std::vector<pid_t> pids = gang_.pids();
  absl::Duration looked = Clock::Real().Steady();
  while (!gang_.WaitFor(interval)) {
    const absl::Duration now = Clock::Real().Steady();
    if (const auto breach = limits.Look(gang_.root(), now)) {
      const v1::Failure failure = LimitPassed(*breach, ref().job_id(), node_.host.node);
      spdlog::error("{}: {}", ToString(ref()), failure.message());
      gang_.Condemn(start_.ranks(0), failure);
      break;
    }
    if (now - looked < hang_interval) continue;
    const auto behind = hangs.Look(now - std::exchange(looked, now), Sights(pids));
    if (!behind || gang_.stop_requested()) continue;
    const v1::Failure failure = HungRank(*behind, node_.host.node);
    spdlog::error("{}: {}", ToString(ref()), failure.message());
    gang_.NoteFailure(behind->rank, failure);
    break;
  }
  return gang_.Wait();
}

std::vector<RankSight> Attempt::Sights(const std::vector<pid_t>& pids) const {
  std::vector<RankSight> sights;
  for (size_t i = 0; i < pids.size(); ++i)
    sights.push_back({.rank = start_.ranks(static_cast<int>(i)),
                      .place = failure::ReadPlace(paths_.Position(start_.ranks(i))),
                      .state = RunStateOf(pids[i])});
  return sights;
}

void Attempt::NameCauseIn(v1::RanksEnded& ended, const std::vector<RankOutcome>& outcomes) const {
  if (!ended.has_failure()) return;
  v1::Failure& failure = *ended.mutable_failure();
  for (std::string& line : TailOfFile(paths_.Log(failure.rank(), "stderr"), kStderrLines))
    failure.add_stderr_tail(std::move(line));
  for (const RankOutcome& outcome : outcomes)
    if (outcome.rank == failure.rank()) NameCause(outcome, is_command(), NodeFacts(), failure);
  if (enclosure_->OomKills() > 0)
    failure.set_message(
        absl::StrCat(failure.message(), " (the limit of job ", ref().job_id(), " is ",
                     isolation::FormatBytes(enclosure_->limits().memory_bytes), ")"));
}

failure::NodeFacts Attempt::NodeFacts() const {
  std::vector<std::string> folders = {paths_.job_dir};
  if (const std::string& folder = start_.spec().command().working_dir(); !folder.empty())
    folders.push_back(folder);
  failure::NodeFacts facts = node_watch_.Collect(folders);
  if (enclosure_ != nullptr) facts.oom_kills += enclosure_->OomKills();
  return facts;
}

absl::Status Attempt::Prepare() {
  spdlog::info("{}: {} on {} slots here", ToString(ref()), start_.stage(), slots());
  // A command knows its job by its environment alone.
  if (!is_command()) {
    RETURN_IF_ERROR(MakeFolders(paths_.attempt_dir, 0700));
    RETURN_IF_ERROR(WriteStartFile());
    RETURN_IF_ERROR(WriteKey());
  }
  ASSIGN_OR_RETURN(enclosure_, node_.isolation->Enclose(Tenant()));
  if (is_command()) return absl::OkStatus();
  const std::vector<std::string> inputs(start_.inputs().begin(), start_.inputs().end());
  return FetchArtifacts(node_.scheduler, ref().job_id(), inputs,
                        {paths_.job_dir, paths_.parts_dir, enclosure_->account()}, &fetch_);
}

isolation::Tenant Attempt::Tenant() const {
  isolation::Tenant tenant{.name = absl::StrCat(ref().job_id(), "-", ref().attempt()),
                           .team = start_.spec().team(),
                           .slots = slots(),
                           .job_dir = paths_.job_dir,
                           .attempt_dir = paths_.attempt_dir,
                           .working_dir = start_.spec().command().working_dir()};
  for (const int slot : start_.slot_indices())
    tenant.devices |= slot < static_cast<int>(node_.host.slots.size()) &&
                      node_.host.slots[slot].resource() != "cpu";
  for (const int rank : start_.ranks())
    for (const char* stream : {"stdout", "stderr", "position"})
      tenant.write_files.push_back(paths_.Log(rank, stream));
  if (!is_command()) tenant.read_files = {paths_.start_file, paths_.key_file};
  const v1::JobSpec& spec = start_.spec();
  for (const std::string& path : {spec.train().dataset().path(), spec.train().model().onnx(),
                                  spec.export_().dataset().path(), spec.export_().model()})
    if (!path.empty()) tenant.inputs.push_back(path);
  return tenant;
}

absl::Status Attempt::WriteKey() {
  ASSIGN_OR_RETURN(const std::string key, isolation::NewAttemptKey());
  absl::MutexLock lock(&mutex_);
  key_ = key;
  return WriteFileAtomic(paths_.key_file, key, 0600);
}

absl::Status Attempt::WriteStartFile() const {
  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  const auto printed = google::protobuf::util::MessageToJsonString(start_, &json, options);
  if (!printed.ok()) return absl::InternalError(printed.ToString());
  return WriteFileAtomic(paths_.start_file, json, 0600);
}

absl::Status Attempt::StartRanks() {
  if (gang_.stop_requested()) return absl::CancelledError("stopped before its ranks started");
  ASSIGN_OR_RETURN(auto commands, RankCommands(start_, node_.host, paths_));
  for (RankCommand& command : commands) {
    auto whole = enclosure_->EnvironmentFor(command.env);
    if (!whole) continue;
    command.env = *std::move(whole);
    command.inherit_env = false;
  }
  node_.metrics->StartAttempt(start_);
  RETURN_IF_ERROR(gang_.Start(commands, enclosure_->confinement()));
  const std::vector<pid_t> pids = gang_.pids();
  for (size_t i = 0; i < pids.size(); ++i)
    node_.metrics->SetPid(ref(), start_.ranks(static_cast<int>(i)), pids[i]);
  {
    absl::MutexLock lock(&mutex_);
    logs_ = std::make_unique<LogShipper>(node_.scheduler, ref(), LogFiles(start_, paths_));
    if (abandoned_) logs_->Abandon();
  }
  Report([&](v1::AttemptReport& report) {
    report.mutable_started()->mutable_pids()->Add(pids.begin(), pids.end());
  });
  return absl::OkStatus();
}

v1::RanksEnded Attempt::NotStarted(const absl::Status& status) const {
  v1::RanksEnded ended;
  if (gang_.stop_requested()) {
    ended.set_stopped(true);
  } else {
    *ended.mutable_failure() = is_command() ? CommandFailureOf(status, node_.host.node)
                                            : FailureOf(status, node_.host.node);
    NameCauseOfStart(is_command(), NodeFacts(), *ended.mutable_failure());
  }
  return ended;
}

void Attempt::StoreFiles(v1::RanksEnded& ended) {
  const absl::Status stored =
      uploader_.Finish(ended.has_failure() ? kStoreAfterFailure : absl::InfiniteDuration());
  if (ended.succeeded() && !stored.ok()) {
    ended.clear_succeeded();
    *ended.mutable_failure() = FailureOf(stored, node_.host.node);
  }
  LogShipper* logs = nullptr;
  {
    absl::MutexLock lock(&mutex_);
    logs = logs_.get();
  }
  if (logs != nullptr) logs->Finish();
}

void Attempt::Report(const std::function<void(v1::AttemptReport&)>& fill) {
  v1::AttemptReport report;
  *report.mutable_ref() = ref();
  fill(report);
  node_.outbox->Add(std::move(report));
}

void Attempt::ReportProgress(const v1::TrainProgress& progress) {
  node_.metrics->SetProgress(ref(), progress);
  v1::AttemptReport report;
  *report.mutable_ref() = ref();
  *report.mutable_progress() = progress;
  node_.outbox->AddDroppable(std::move(report));
}

absl::Status Attempt::CheckOpen() const {
  if (!ranks_gone_) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(ToString(ref()), " has ended here"));
}

}  // namespace octet::agent
