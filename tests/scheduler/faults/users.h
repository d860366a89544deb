// Users and operators: they submit, cancel, hold and drain over a network that
// loses, repeats and delays their calls, and try again until they are answered.
#ifndef OCTET_TESTS_SCHEDULER_FAULTS_USERS_H_
#define OCTET_TESTS_SCHEDULER_FAULTS_USERS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "scheduler/server/controller.h"
#include "tests/scheduler/faults/gangs.h"
#include "tests/scheduler/faults/loop.h"
#include "tests/scheduler/faults/network.h"
#include "tests/scheduler/faults/oracle.h"
#include "tests/scheduler/faults/scheduler_process.h"

namespace octet::scheduler::faults {

class Users {
 public:
  struct World {
    Loop& loop;
    const Weather& weather;
    Network& network;
    SchedulerProcess& scheduler;
    Oracle& oracle;
    Gangs& gangs;
    const CoreOptions& options;
    std::vector<std::string> nodes;
    int slots_of_node;
  };
  explicit Users(World world) : world_(std::move(world)) {}

  /// One of them wants something.
  void Act();
  /// Everything that was taken out of use is given back, and what cannot run on
  /// the nodes that are left is cancelled.
  void GiveBack(int nodes_left);
  /// Nobody waits for an answer.
  bool idle() const { return calls_ == 0; }

 private:
  struct Answer {
    absl::Status status;
    JobId job = kNoJob;
  };
  /// What the scheduler does with a call: it answers through the function, once,
  /// or returns an error.
  using Handler = std::function<absl::Status(Controller&, std::function<void(Answer)>)>;
  struct Call {
    Handler handler;
    /// Runs as the answer leaves the scheduler, and when the user has it.
    std::function<void(const Answer&)> on_answer, on_done;
    bool repeatable = true;
    bool done = false;
    int tries = 0;
  };

  void Start(Call call);
  void Try(const std::shared_ptr<Call>& call);
  void Arrive(const std::shared_ptr<Call>& call, int number);
  void Handle(const std::shared_ptr<Call>& call, int number);
  void Reply(const std::shared_ptr<Call>& call, int number, const Answer& answer);
  void Return(const std::shared_ptr<Call>& call, int number, const Answer& answer);
  void Ask(const std::string& what, const Event& event,
           std::function<void(const Answer&)> on_answer = nullptr);

  bool FitsOn(const Job& job, int nodes) const;
  void Submit();
  v1::JobSpec MakeSpec(Submission& submission);
  v1::GangSpec MakeGang(const std::string& team, bool elastic);
  void AddWishes(v1::JobSpec& spec, Submission& submission);
  void AddSweep(v1::JobSpec& spec, Submission& submission);
  void Look();
  void Drain();
  void Signal();
  JobId AnyJob();

  World world_;
  std::vector<JobId> known_;  // jobs whose creation was answered
  int submitted_ = 0, calls_ = 0;
};

}  // namespace octet::scheduler::faults

#endif  // OCTET_TESTS_SCHEDULER_FAULTS_USERS_H_
