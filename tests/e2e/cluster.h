// A cluster of real processes in a temporary folder, and the CLI to drive it.
#ifndef OCTET_TESTS_E2E_CLUSTER_H_
#define OCTET_TESTS_E2E_CLUSTER_H_

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "nlohmann/json.hpp"

namespace octet::e2e {

struct Outcome {
  int exit_code = -1;
  std::string out, err;
  absl::Duration took;
};

/// Whether `condition` comes true within `limit`; asks it again and again.
bool Eventually(const std::function<bool()>& condition, absl::Duration limit = absl::Seconds(60));

/// Processes whose command line holds every one of `words`, by /proc.
std::vector<pid_t> FindProcesses(const std::vector<std::string>& words);
bool IsAlive(pid_t pid);

/// One scheduler and any number of agents, each a process of its own; all are
/// killed and reaped, and the folder removed, with the object. Test thread only.
class Cluster {
 public:
  Cluster();
  ~Cluster();

  /// Starts octet-scheduler on this cluster's folder and waits until it serves.
  /// config: the text of its --config file; empty: none.
  void StartScheduler(const std::string& config = "");
  /// Starts an agent, with `more` on its command line, and waits until its node
  /// is ready.
  void StartAgent(const std::string& node, int cpu_slots,
                  const std::vector<std::string>& more = {});
  void KillScheduler();                     // SIGKILL, reaped
  void KillAgent(const std::string& node);  // SIGKILL, reaped

  /// Runs `octet ARGS` against this cluster, with `in` as its standard input.
  Outcome Octet(std::vector<std::string> args, const std::string& in = "") const;
  /// Submits a job file's text; the id that the cluster gave it.
  std::string Submit(const std::string& yaml);
  /// `octet job ID -o json`.
  nlohmann::json Job(const std::string& id) const;
  /// Waits until the job is final, or `limit`; the job.
  nlohmann::json Finish(const std::string& id, absl::Duration limit = absl::Seconds(180)) const;
  /// The pid of one rank's octet-trainer; 0: none.
  pid_t RankPid(const std::string& job, int rank) const;
  /// Every process that belongs to this cluster's agents' folders.
  std::vector<pid_t> RankPids() const;

  const std::string& dir() const { return dir_; }

 private:
  struct Daemon {
    std::string name;
    pid_t pid;
  };
  pid_t Launch(const std::vector<std::string>& argv, const std::string& log);
  void Kill(const std::string& name);

  std::string dir_;
  std::vector<Daemon> daemons_;
};

/// Writes a small labelled data set as IDX files that a small network learns:
/// each class is a bright bar at its own place, with noise. 28 x 28, 10 classes.
void WriteBars(const std::string& folder, int train_images, int test_images);

/// A job file that trains a small CNN on the folder's images. nodes: over so
/// many; 0: as the scheduler likes.
std::string TrainJob(const std::string& data, int slots, double epochs, int nodes = 0);

}  // namespace octet::e2e

#endif  // OCTET_TESTS_E2E_CLUSTER_H_
