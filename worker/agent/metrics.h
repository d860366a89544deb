// What Prometheus can scrape from an agent. docs/metrics.md lists it.
#ifndef OCTET_WORKER_AGENT_METRICS_H_
#define OCTET_WORKER_AGENT_METRICS_H_

#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "octet/v1/agents.pb.h"
#include "octet/v1/jobs.pb.h"
#include "prometheus/exposer.h"
#include "prometheus/metric_family.h"
#include "worker/agent/gpu_metrics.h"

namespace octet::agent {

struct MetricsOptions {
  std::string address;  // HOST:PORT, port 0 lets the kernel pick; empty: not served
  std::string node;
  std::string dir;  // the agent's folder, whose file system is watched
};

/// octet_agent_*{node}, and octet_job_*{job} of the attempts that run here:
/// those of a whole job on the node of its rank 0, those of a rank on the
/// rank's. Thread-safe.
class AgentMetrics {
 public:
  /// UNAVAILABLE: the address cannot be had.
  static absl::StatusOr<std::unique_ptr<AgentMetrics>> Serve(const MetricsOptions& options);
  ~AgentMetrics();

  /// HOST:PORT with the real port; empty: not served.
  const std::string& address() const { return address_; }

  /// All are of one kind; busy: of the first ones.
  void SetSlots(const std::vector<v1::Slot>& slots, int busy);
  /// The job's figures are of this attempt from now on. Before its ranks start:
  /// they may have something to tell at once.
  void StartAttempt(const v1::StartAttempt& start);
  /// Of an attempt that has started; ignored otherwise.
  void SetPid(const v1::AttemptRef& ref, int rank, pid_t pid);
  void SetProgress(const v1::AttemptRef& ref, const v1::TrainProgress& progress);
  void SetRankTime(const v1::AttemptRef& ref, int rank, const v1::StepTime& time);
  /// Removes the job's figures, unless a newer attempt's are there.
  void EndAttempt(const v1::AttemptRef& ref, const v1::RanksEnded& ended);

  /// As a scrape sees it.
  std::vector<prometheus::MetricFamily> Collect() const;

 private:
  struct Rank {
    pid_t pid = 0;
    std::optional<v1::StepTime> time;
  };
  struct Job {
    int attempt = 0, ranks = 0, slots = 0;
    bool has_rank_0 = false;
    double peak_flops_per_s = 0;  // of all ranks; 0: unknown
    std::optional<v1::TrainProgress> progress;
    std::map<int, Rank> by_rank;
  };
  struct JobFamilies;
  class Collector;

  explicit AgentMetrics(const MetricsOptions& options);
  /// Null: it has not started here, or is not the newest.
  Job* Find(const v1::AttemptRef& ref) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CollectAgent(std::vector<prometheus::MetricFamily>& families) const;
  void CollectJobs(std::vector<prometheus::MetricFamily>& families) const;

  const MetricsOptions options_;
  const std::unique_ptr<GpuMetrics> gpus_;  // null: none
  mutable absl::Mutex mutex_;
  std::vector<v1::Slot> slots_ ABSL_GUARDED_BY(mutex_);
  int busy_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, int> ended_ ABSL_GUARDED_BY(mutex_);  // attempts by outcome
  std::map<std::string, Job> jobs_ ABSL_GUARDED_BY(mutex_);
  std::string address_;
  std::shared_ptr<Collector> collector_;
  std::unique_ptr<prometheus::Exposer> exposer_;  // Last: it calls the rest.
};

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_METRICS_H_
