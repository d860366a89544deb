// What jobs do: gangs of ranks that wait for each other, work, save and fail.
#ifndef OCTET_TESTS_SCHEDULER_FAULTS_GANGS_H_
#define OCTET_TESTS_SCHEDULER_FAULTS_GANGS_H_

#include <map>
#include <string>
#include <utility>

#include "octet/v1/agents.pb.h"
#include "tests/scheduler/faults/loop.h"

namespace octet::scheduler::faults {

/// A node's part of a gang, as its agent has it.
class PartEnd {
 public:
  virtual ~PartEnd() = default;
  /// The ranks have something to report, without a reference.
  virtual void OnWork(const v1::StartAttempt& start, const v1::AttemptReport& event) = 0;
  /// The ranks have ended.
  virtual void OnFate(const v1::StartAttempt& start, const v1::RanksEnded& ended) = 0;
};

/// The ranks of all attempts, over all nodes. A gang works only while all of
/// its ranks are there: one that is started half waits for ever.
class Gangs {
 public:
  Gangs(Loop& loop, const Weather& weather) : loop_(loop), weather_(weather) {}

  /// The part's ranks have met the others, or are ready to.
  void Join(const std::string& node, PartEnd* part, const v1::StartAttempt& start);
  /// They are gone; saved: not before they saved what was done.
  void Leave(const std::string& node, const v1::StartAttempt& start, bool saved);

  /// Of each stage of the named job; infinite: it ends by its time limit only.
  void SetWork(const std::string& name, absl::Duration work) { work_[name] = work; }

 private:
  using Key = std::pair<std::string, int>;  // job and attempt
  struct Member {
    PartEnd* end;
    v1::StartAttempt start;
  };
  struct Gang {
    std::map<std::string, Member> members;  // by node
    int ranks = 0;
    bool works = false, broken = false;
    absl::Duration since;
  };
  void Work(const Key& key);
  void Save(const Key& key);
  void Report(const Key& key, const v1::AttemptReport& event);
  void Finish(const Key& key);
  void FailSome(const Key& key);
  void Break(const Key& key);
  void Tell(const Key& key, const std::string& node, absl::Duration after,
            const v1::RanksEnded& ended);
  absl::Duration WorkOf(const v1::StartAttempt& start) const;

  Loop& loop_;
  const Weather& weather_;
  std::map<std::string, absl::Duration> work_;  // by name
  std::map<std::string, absl::Duration> done_;  // of the job's stage, saved
  std::map<Key, Gang> gangs_;
};

}  // namespace octet::scheduler::faults

#endif  // OCTET_TESTS_SCHEDULER_FAULTS_GANGS_H_
