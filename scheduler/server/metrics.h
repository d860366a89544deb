// The scheduler's figures for Prometheus. docs/metrics.md lists them.
#ifndef OCTET_SCHEDULER_SERVER_METRICS_H_
#define OCTET_SCHEDULER_SERVER_METRICS_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "grpcpp/support/server_interceptor.h"
#include "grpcpp/support/status.h"
#include "octet/v1/jobs.pb.h"
#include "prometheus/collectable.h"
#include "prometheus/exposer.h"
#include "scheduler/server/cluster_figures.h"

namespace octet::scheduler {

/// Names that make a label, where anybody may think of new ones: those that
/// come after `most` share one. Not thread-safe.
class LabelLimit {
 public:
  static constexpr char kOther[] = "other";

  explicit LabelLimit(size_t most) : most_(most) {}
  std::string Of(const std::string& name);

 private:
  const size_t most_;
  std::set<std::string> known_;
};

/// Something that happened to a job, to be marked in a graph.
struct JobMoment {
  std::string job, team;
  std::string event;  // "started", or an attempt's outcome
  absl::Time time;
};

/// Thread-safe.
class Metrics : public prometheus::Collectable {
 public:
  Metrics();
  ~Metrics() override;

  /// cluster: called by each scrape, from its thread, until Detach. It may
  /// not call this object.
  void Attach(std::function<ClusterFigures()> cluster);
  void Detach() { Attach(nullptr); }

  /// From a job's creation, or its return to the queue, to its start.
  void ObserveQueueWait(const std::string& team, absl::Duration wait);
  /// An event that made the core look at the queue.
  void ObservePass(absl::Duration took);
  /// From the request for a commit until it is durable.
  void ObserveCommit(absl::Duration latency);
  /// One of the store's transactions, of so many changes.
  void ObserveTransaction(size_t changes, absl::Duration took, bool stored);
  /// method: such as "/octet.v1.JobService/CreateJob". A stream's duration is
  /// its client's choice, and not kept.
  void ObserveRpc(const std::string& method, grpc::StatusCode code, absl::Duration latency,
                  bool is_unary);
  /// state: of the job from now on, such as "running".
  void CountJobStateChange(const std::string& team, const std::string& state);
  void CountAttemptStart(const std::string& stage);
  /// outcome: as job_metrics.cc names it.
  void CountAttemptEnd(const std::string& stage, const std::string& outcome);
  /// cause: as docs/failures.md says; empty: nobody has looked.
  void CountFailure(const std::string& failure_class, const std::string& cause);
  /// type: of v1::Event.
  void CountEvent(const std::string& type);
  void CountAgentSession();
  void ObserveExport(const v1::TargetResult& result);
  /// Shown for kShowMoments, the newest kMostMoments of them.
  void NoteMoment(JobMoment moment);
  static constexpr absl::Duration kShowMoments = absl::Minutes(10);
  static constexpr size_t kMostMoments = 500;

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  struct Families;

  std::string TeamLabel(const std::string& team) const;
  void CollectMoments(std::vector<prometheus::MetricFamily>& families) const;
  void CollectCluster(const ClusterFigures& figures,
                      std::vector<prometheus::MetricFamily>& families) const;

  const std::unique_ptr<Families> families_;
  mutable absl::Mutex mutex_;
  std::function<ClusterFigures()> cluster_ ABSL_GUARDED_BY(mutex_);
  mutable absl::Mutex labels_mutex_;
  mutable LabelLimit teams_ ABSL_GUARDED_BY(labels_mutex_){200};
  mutable LabelLimit causes_ ABSL_GUARDED_BY(labels_mutex_){64};
  std::deque<JobMoment> moments_ ABSL_GUARDED_BY(labels_mutex_);  // oldest first
};

/// Counts every call by its answer, and times the unary ones.
class RpcTimerFactory : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit RpcTimerFactory(std::shared_ptr<Metrics> metrics) : metrics_(std::move(metrics)) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override;

 private:
  const std::shared_ptr<Metrics> metrics_;
};

/// An HTTP server for /metrics.
class MetricsEndpoint {
 public:
  /// address: host:port; port 0 lets the kernel pick. UNAVAILABLE: the
  /// address cannot be listened on.
  static absl::StatusOr<std::unique_ptr<MetricsEndpoint>> Start(
      const std::string& address, const std::shared_ptr<Metrics>& metrics);

  /// host:port, with the port that is bound.
  const std::string& address() const { return address_; }

 private:
  MetricsEndpoint() = default;

  std::unique_ptr<prometheus::Exposer> exposer_;
  std::string address_;
};

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_METRICS_H_
