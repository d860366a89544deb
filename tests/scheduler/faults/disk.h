// A disk that knows what of it is synced, and a committer that writes to it.
#ifndef OCTET_TESTS_SCHEDULER_FAULTS_DISK_H_
#define OCTET_TESTS_SCHEDULER_FAULTS_DISK_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/store/committer.h"
#include "scheduler/store/store.h"
#include "tests/scheduler/faults/loop.h"

namespace octet::scheduler::faults {

/// What is on it has been synced: it outlives every death of the scheduler.
class Disk final : public Store {
 public:
  /// Told of each batch as it becomes durable.
  std::function<void(const Batch&)> on_durable;
  /// While it is set, nothing can be read.
  bool unreadable = false;

  absl::Status Commit(const std::vector<Batch>& batches) override;
  absl::StatusOr<std::vector<std::pair<std::string, std::string>>> LoadTable(
      const std::string& table) const override;
  absl::StatusOr<std::vector<StoredEvent>> Events(const std::string& job, int64_t after,
                                                  int limit) const override;
  const std::string* Find(const std::string& table, const std::string& key) const;

 private:
  std::map<std::string, std::map<std::string, std::string>> tables_;
  int64_t events_ = 0;
};

/// Group commit in virtual time: what is submitted while a write is under way
/// goes into the next one. Writes stall, fail, and are where the scheduler is
/// killed: before the disk has synced, when what was not synced is lost or not,
/// or after that and before anybody is told.
class DiskCommitter final : public Committer {
 public:
  /// kill: the process dies; nothing runs in it after that.
  DiskCommitter(Loop& loop, const Weather& weather, Disk& disk, std::function<void()> kill)
      : loop_(loop), weather_(weather), disk_(disk), kill_(std::move(kill)) {}
  /// The scheduler has died. Of a write under way chance says what became.
  ~DiskCommitter() override;

  void Submit(Batch batch, Done done) override;
  void Resume() override;

  /// Nothing is on its way, and nothing was lost on it.
  bool idle() const { return queue_.empty() && writing_.empty() && failed_.ok(); }

 private:
  struct Entry {
    Batch batch;
    Done done;
  };
  void Write();
  void Written();
  bool Store();
  absl::Duration Latency();

  Loop& loop_;
  const Weather& weather_;
  Disk& disk_;
  const std::function<void()> kill_;
  std::vector<Entry> queue_, writing_;
  absl::Status failed_;
  bool busy_ = false, dead_ = false;
  /// Events of the loop that come after this object's end do nothing.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace octet::scheduler::faults

#endif  // OCTET_TESTS_SCHEDULER_FAULTS_DISK_H_
