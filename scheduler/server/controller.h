// The one place where the cluster's state changes.
#ifndef OCTET_SCHEDULER_SERVER_CONTROLLER_H_
#define OCTET_SCHEDULER_SERVER_CONTROLLER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "octet/v1/agents.pb.h"
#include "octet/v1/events.pb.h"
#include "octet/v1/jobs.pb.h"
#include "scheduler/core/core.h"
#include "scheduler/server/codec.h"
#include "scheduler/server/job_board.h"
#include "scheduler/server/job_filter.h"
#include "scheduler/server/metrics.h"
#include "scheduler/server/notifier.h"
#include "scheduler/server/stored.h"
#include "scheduler/store/committer.h"
#include "scheduler/store/store.h"

namespace octet::scheduler {

/// The way to one agent. Thread-safe; its methods never block and never call
/// the controller.
class AgentSession {
 public:
  virtual ~AgentSession() = default;
  /// Delivered in order; dropped after Close.
  virtual void Send(v1::SchedulerMessage message) = 0;
  virtual void Close(const absl::Status& status) = 0;
};

struct CreateRequest {
  std::string owner;
  std::string request_id;           // empty: none
  v1::JobSpec submitted;            // as it came
  v1::JobSpec spec;                 // with defaults, valid; of a sweep: the first trial
  std::vector<v1::JobSpec> trials;  // of a sweep, likewise; empty: none
};

/// Owns the core and what of it is stored. Thread-safe.
///
/// Every change goes one way: the core applies an event under a lock, what
/// changed is submitted to the group committer, and once it is durable, in the
/// order of the events, it is shown to readers, agents are told, watchers are
/// woken and the caller is answered. So nobody ever sees what a crash could
/// take back.
///
/// When a commit fails, its caller and all behind it get the error, the core
/// is loaded from the store again, and agents are disconnected, so that they
/// come back and say what runs, as after a restart of the scheduler.
class Controller {
 public:
  struct Options {
    absl::Duration heartbeat_timeout = absl::Seconds(10);
    absl::Duration heartbeat_interval = absl::Seconds(2);
    CoreOptions core;  // heartbeat_timeout above counts
    /// A thread of the controller calls Tick. False: its owner does.
    bool ticks = true;
  };
  /// Runs once, with what became of a commit, in the order of commits; it must
  /// not block. After an error it must not call the controller.
  using Then = std::function<void(const absl::Status&)>;

  /// Everything it refers to must outlive it. committer: over the store; null:
  /// a GroupCommitter. Errors: as the store's, and DATA_LOSS for a record that
  /// cannot be read.
  static absl::StatusOr<std::unique_ptr<Controller>> Open(
      const Options& options, Store& store, Metrics& metrics, const Clock& clock,
      std::unique_ptr<Committer> committer = nullptr);
  /// No session may call any more.
  ~Controller();

  // --- Jobs. UNAVAILABLE, RESOURCE_EXHAUSTED: the store could not write. ---

  /// The job as BeginCreate would make it, without an id. FAILED_PRECONDITION:
  /// the cluster could never run it.
  absl::StatusOr<JobView> Preview(const CreateRequest& request);
  absl::StatusOr<JobView> CancelJob(const std::string& job_id, const std::string& reason);
  absl::StatusOr<JobView> HoldJob(const std::string& job_id, const std::string& reason);
  absl::StatusOr<JobView> ReleaseJob(const std::string& job_id);
  /// FAILED_PRECONDITION: it does not run.
  absl::StatusOr<JobView> RequeueJob(const std::string& job_id, const std::string& reason);
  /// Why it waits and when it will start, with `wishes` instead of its own.
  absl::StatusOr<v1::WhyJobResponse> Why(const std::string& job_id,
                                         const OtherWishes& wishes) const;
  /// To the command's ranks. FAILED_PRECONDITION: no command runs, or none
  /// that reads what it is sent.
  absl::Status SignalJob(const std::string& job_id, int signal);
  absl::Status SendInput(const v1::SendInputRequest& request);
  absl::StatusOr<JobView> GetJob(const std::string& job_id) const;
  /// Newest first, with ids below `below` unless that is kNoJob.
  std::vector<JobView> ListJobs(const JobFilter& filter, JobId below, int limit) const;
  /// `callback` runs after every change of the job, as Notifier says.
  Notifier::Subscription Subscribe(const std::string& job_id, std::function<void()> callback) {
    return notifier_.Subscribe(job_id, std::move(callback));
  }
  /// What a job without a resource would get now; empty: that is still open.
  std::string DefaultResource() const;

  struct AttemptView {
    int attempt = 0;
    bool ended = false;
    int ranks = 0;
  };
  /// attempt: 0 for the newest. NOT_FOUND: no such job or attempt.
  absl::StatusOr<AttemptView> FindAttempt(const std::string& job_id, int attempt) const;
  /// FAILED_PRECONDITION: a newer attempt has started.
  absl::Status CheckNewestAttempt(const std::string& job_id, int attempt) const;

  absl::StatusOr<Node> DrainNode(const DrainRequested& request);
  absl::StatusOr<Node> UndrainNode(const std::string& node);
  std::vector<v1::Team> ListTeams() const;
  /// By name, those after `after`.
  std::vector<Node> ListNodes(const std::string& after, size_t limit) const;
  absl::StatusOr<std::vector<v1::Event>> ListEvents(const std::string& job_id, int64_t after,
                                                    int limit) const;

  // --- The same without waiting. After an error nothing has changed, and
  // `then` does not run. ---

  /// `then` is told which job an earlier call of the same owner with the same
  /// request id made, once that is stored. False: none did, and `then` does not
  /// run. ALREADY_EXISTS: that one was for another job.
  absl::StatusOr<bool> FindRequest(const CreateRequest& request,
                                   std::function<void(const absl::StatusOr<JobId>&)> then);
  /// Stores a new job, or finds the one that the request id made before; `then`
  /// is told which. FAILED_PRECONDITION: it can never run; ALREADY_EXISTS: the
  /// id made a job of another file.
  absl::Status BeginCreate(const CreateRequest& request,
                           std::function<void(const absl::StatusOr<JobId>&)> then);
  /// Applies an event that somebody asks for.
  absl::Status Begin(const Event& event, Then then);

  // --- Agents. ---

  /// Takes the session for its node, in place of an older one, and welcomes
  /// it. ALREADY_EXISTS: another agent is heard under the node's name.
  absl::Status ConnectAgent(const v1::AgentHello& hello, std::shared_ptr<AgentSession> session);
  /// The session is at its end. Call once for each that was taken.
  void DisconnectAgent(const std::string& node, const std::shared_ptr<AgentSession>& session);
  /// Ends the connection of the node's agent, if there is one.
  void CloseAgent(const std::string& node, const absl::Status& status);
  void HearAgent(const std::string& node, const std::shared_ptr<AgentSession>& session,
                 const v1::Heartbeat& heartbeat = {});
  /// Acknowledges the report when what comes of it is stored. A report that is
  /// fenced off is acknowledged too, without effect, so that it is not
  /// repeated. stored: runs just before, with whether it took effect; may be
  /// null.
  void Report(const std::string& node, const std::shared_ptr<AgentSession>& session,
              const v1::AttemptReport& report, std::function<void(bool)> stored);

  /// Loses nodes that are silent, but none when it was called so late that it is
  /// the scheduler that stood still. The controller's own thread calls it too.
  void Tick();

  /// For a scrape: cheap, see FiguresOf.
  ClusterFigures Figures() const;

 private:
  using Message = std::pair<std::string, v1::SchedulerMessage>;  // for a node
  /// What events led to, until it is durable.
  struct Change {
    Batch batch;
    std::vector<Job> jobs;
    std::vector<std::string> events;  // their types
    std::vector<Message> messages;
    /// From here on messages for the node go to this session.
    std::optional<std::pair<std::string, std::shared_ptr<AgentSession>>> connects;
    /// Runs last; after a failed commit, alone.
    Then then;

    bool IsEmpty() const {
      return batch.puts.empty() && batch.events.empty() && messages.empty() && !then;
    }
  };
  class Waiter;

  Controller(const Options& options, Store& store, Metrics& metrics, const Clock& clock,
             std::unique_ptr<Committer> committer);

  absl::Time Now() const;
  absl::Status Load() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  /// Call it before each change. After a failed commit it goes back to what is
  /// stored; an error says that this does not work yet.
  absl::Status Recover() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  /// Adds what the event leads to.
  absl::StatusOr<Transition> Apply(const Event& event, Change& change)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Message ToMessage(const Effect& effect) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Submit(Change change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Publish(const Change& change);

  /// Begins it, and waits until it is stored.
  absl::Status Do(const Event& event);
  /// The same for the job it is about; makes the event from the job's number.
  absl::StatusOr<JobView> ChangeJob(const std::string& job_id,
                                    const std::function<Event(JobId)>& event);
  absl::StatusOr<Node> FindNode(const std::string& name) const;
  /// The job's live attempt, if it is a command that has started.
  absl::StatusOr<const Attempt*> FindCommand(const std::string& job_id) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  /// UNAVAILABLE: a node that a message is for is not connected.
  absl::Status SendNow(Change change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  JobView WithReason(JobView view) const;
  absl::StatusOr<std::optional<JobId>> FindRequestLocked(const CreateRequest& request) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckCanRun(const JobSubmitted& job) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  bool IsCurrent(const std::string& node, const std::shared_ptr<AgentSession>& session) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DropSession(const std::string& node, Change& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddWelcome(const NodeConnected& event, Change& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddRendezvous(const std::string& node, Change& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MeasureFigure(const std::string& node, const v1::AttemptReport& report);
  bool ApplyReport(const std::string& node, const v1::AttemptReport& report, Change& change)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void KeepProgress(const PartEnded& event, Change& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  Store& store_;
  Metrics& metrics_;
  const Clock& clock_;
  const absl::Time start_time_;
  const absl::Duration start_steady_;

  Notifier notifier_;
  JobBoard board_;

  mutable absl::Mutex mutex_;
  std::optional<Core> core_ ABSL_GUARDED_BY(mutex_);
  absl::Time last_tick_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, StoredRequest> requests_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<AgentSession>> sessions_ ABSL_GUARDED_BY(mutex_);

  /// A commit failed: the core holds what is not stored.
  std::atomic<bool> broken_{false};
  /// By node, whom to send to; follows sessions_ in the order of commits. Only
  /// the committer's thread uses it.
  std::map<std::string, std::shared_ptr<AgentSession>> recipients_;

  absl::Notification stopping_;
  std::unique_ptr<Committer> committer_;
  std::thread ticker_;
};

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_CONTROLLER_H_
