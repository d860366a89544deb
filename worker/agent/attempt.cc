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
  node_.metrics->RemoveJob(ref().job_id());
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
  absl::MutexLock lock(&mutex_);
  ranks_gone_ = true;
  return ended;
}

v1::RanksEnded Attempt::AwaitRanks() {
  if (!gang_.WaitFor(kFollowLogsAfter)) {
    absl::MutexLock lock(&mutex_);
    logs_->Follow();
  }
  const std::vector<RankOutcome> outcomes = start_.stage() == "train" ? WatchRanks() : gang_.Wait();
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
  const std::vector<pid_t> pids = gang_.pids();
  HangWatch watch(node_.hang_after);
  absl::Duration looked = Clock::Real().Steady();
  while (!gang_.WaitFor(watch.interval())) {
    std::vector<RankSight> sights;
    for (size_t i = 0; i < pids.size(); ++i)
      sights.push_back({.rank = start_.ranks(static_cast<int>(i)),
                        .place = failure::ReadPlace(paths_.Position(start_.ranks(i))),
                        .state = RunStateOf(pids[i])});
    const absl::Duration now = Clock::Real().Steady();
    const auto behind = watch.Look(now - std::exchange(looked, now), sights);
    if (!behind || gang_.stop_requested()) continue;
    const v1::Failure failure = HungRank(*behind, node_.host.node);
    spdlog::error("{}: {}", ToString(ref()), failure.message());
    gang_.NoteFailure(behind->rank, failure);
    break;
  }
  return gang_.Wait();
}

void Attempt::NameCauseIn(v1::RanksEnded& ended, const std::vector<RankOutcome>& outcomes) const {
  if (!ended.has_failure()) return;
  v1::Failure& failure = *ended.mutable_failure();
  for (std::string& line : TailOfFile(paths_.Log(failure.rank(), "stderr"), kStderrLines))
    failure.add_stderr_tail(std::move(line));
  for (const RankOutcome& outcome : outcomes)
    if (outcome.rank == failure.rank()) NameCause(outcome, is_command(), NodeFacts(), failure);
}

failure::NodeFacts Attempt::NodeFacts() const {
  std::vector<std::string> folders = {paths_.job_dir};
  if (const std::string& folder = start_.spec().command().working_dir(); !folder.empty())
    folders.push_back(folder);
  return node_watch_.Collect(folders);
}

absl::Status Attempt::Prepare() {
  spdlog::info("{}: {} on {} slots here", ToString(ref()), start_.stage(), slots());
  RETURN_IF_ERROR(MakeFolders(paths_.attempt_dir));
  // A command knows its job by its environment alone.
  if (is_command()) return absl::OkStatus();
  const std::vector<std::string> inputs(start_.inputs().begin(), start_.inputs().end());
  RETURN_IF_ERROR(FetchArtifacts(node_.scheduler, ref().job_id(), inputs, paths_.job_dir, &fetch_));
  return WriteStartFile();
}

absl::Status Attempt::WriteStartFile() const {
  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  const auto printed = google::protobuf::util::MessageToJsonString(start_, &json, options);
  if (!printed.ok()) return absl::InternalError(printed.ToString());
  return WriteFileAtomic(paths_.start_file, json);
}

absl::Status Attempt::StartRanks() {
  if (gang_.stop_requested()) return absl::CancelledError("stopped before its ranks started");
  ASSIGN_OR_RETURN(const auto commands, RankCommands(start_, node_.host, paths_));
  RETURN_IF_ERROR(gang_.Start(commands));
  const std::vector<pid_t> pids = gang_.pids();
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
  node_.metrics->SetProgress(ref().job_id(), progress);
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
