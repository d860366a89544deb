// What must hold, checked from outside the scheduler: against what is on the
// disk, what is on the wire, what runs on the nodes and what users were told.
#ifndef OCTET_TESTS_SCHEDULER_FAULTS_ORACLE_H_
#define OCTET_TESTS_SCHEDULER_FAULTS_ORACLE_H_

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "octet/v1/agents.pb.h"
#include "scheduler/core/core.h"
#include "scheduler/server/controller.h"
#include "scheduler/store/store.h"
#include "tests/scheduler/faults/loop.h"

namespace octet::scheduler::faults {

class Network;

/// A creation as its user meant it.
struct Submission {
  std::string name, team;  // name: no other has it
  std::vector<Stage> stages;
  std::vector<Dependency> after;
  int count = 1, max_running = 0;
};

/// Whether the two are stored alike.
bool IsSame(Job a, Job b);

class Oracle {
 public:
  /// clock: the scheduler's.
  Oracle(Loop& loop, const CoreOptions& options, const Clock& clock)
      : loop_(loop), options_(options), clock_(clock) {}

  // --- Users ---
  void Expect(const Submission& submission) { submissions_[submission.name] = submission; }
  /// A user was told that the creation made this job.
  void OnCreated(const std::string& name, JobId id);
  /// A user was told that the job will be cancelled.
  void OnCancelled(JobId id);
  /// A user saw the job.
  void OnSeen(const Job& job);

  // --- Disk ---
  void OnDurable(const Batch& batch);

  // --- Wire. instance: of the agent that the stream was opened by. ---
  void OnSend(const std::string& node, const std::string& instance,
              const v1::SchedulerMessage& message);
  /// The scheduler takes the report now. What is returned it calls when the
  /// report is stored, with whether it took effect.
  std::function<void(bool)> OnReport(const std::string& node, const std::string& instance,
                                     const v1::AttemptReport& report);
  void OnHello(const std::string& node, const std::string& instance);
  void OnHeard(const std::string& node);
  /// Called after every event. Null: the scheduler is dead.
  void AfterEvent(const Network* network);

  // --- The scheduler's life ---
  void OnStart(const Controller& controller);
  void BeforeTick(const Controller& controller);
  /// Nothing is on its way to the disk: what the scheduler thinks is what is
  /// stored.
  void CheckQuiet(Controller& controller);
  /// Faults are over and every job has had its time.
  void CheckEnd(Controller& controller);
  bool AllEnded() const;

  // --- Nodes ---
  void OnRanksStart(const std::string& node, const v1::StartAttempt& start);
  void OnRanksEnd(const std::string& node, const v1::StartAttempt& start);

  const std::map<JobId, Job>& jobs() const { return jobs_; }
  const Submission* SubmissionOf(const Job& job) const;

 private:
  using Slots = std::map<std::pair<std::string, int>, JobId>;

  template <typename... Values>
  void Fail(const Values&... values) {
    loop_.Fail(absl::StrCat(values...));
  }
  // oracle_disk.cc: what is stored.
  void NoteDrains(const Batch& batch);
  void CheckNew(const Job& job);
  void CheckChange(const Job& before, const Job& after);
  void CheckAttempts(const Job& before, const Job& after);
  void CheckStart(const Job* before, const Job& after);
  void CheckGang(const Job& job, const Attempt& attempt);
  void CheckOneLife(const Job& job);
  bool SaidHello(const std::string& node, const std::string& not_this);
  void CheckLost(const Job& job, const Attempt& attempt);
  void Hold(const Job& job);
  void Free(const Job& job);
  void CheckTeams();
  void CheckPreempted(const std::vector<JobId>& preempted);
  void CheckHistory(const Batch& batch);
  void CheckNodeLost(const std::string& node, absl::Time time);
  bool Met(const Dependency& dependency) const;

  bool Holds(JobId id, int attempt, const std::string& node) const;
  const Attempt* FindAttempt(const v1::AttemptRef& ref) const;
  void CheckStartMessage(const std::string& node, const v1::StartAttempt& start);
  void CheckStop(const std::string& node, const v1::AttemptRef& ref);
  void CheckAck(const std::string& node, const v1::AttemptReport& report);

  Loop& loop_;
  const CoreOptions& options_;
  const Clock& clock_;

  std::map<std::string, Submission> submissions_;
  std::map<std::string, JobId> created_;         // as users were told
  std::map<std::string, std::set<JobId>> made_;  // jobs by submission

  // What is on the disk.
  std::map<JobId, Job> jobs_;
  std::set<JobId> ended_;
  std::set<std::string> drained_;
  Slots held_;
  std::map<std::string, int> used_;  // slots by team
  std::map<JobId, int> ends_;        // lines of history that say so

  // Starts that are stored and that nodes are still to be told of.
  std::map<std::pair<JobId, int>, std::set<std::string>> untold_;
  std::map<std::string, std::map<int64_t, v1::AttemptReport>> reports_;  // by agent instance

  std::map<std::string, std::deque<absl::Duration>> heard_;
  std::map<std::string, std::deque<std::pair<absl::Duration, std::string>>> hellos_;
  // Ticks at which most nodes were silent, or the scheduler had stood still.
  std::set<absl::Duration> cut_off_;
  absl::Duration life_start_, last_tick_;
  absl::Time life_start_time_;

  Slots running_;
  std::set<std::pair<std::string, std::pair<std::string, int>>> ever_ran_;
};

}  // namespace octet::scheduler::faults

#endif  // OCTET_TESTS_SCHEDULER_FAULTS_ORACLE_H_
