#include "scheduler/server/metrics.h"

#include <unistd.h>

#include <exception>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "common/proc_stat.h"
#include "common/scraped.h"
#include "common/version.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"

namespace octet::scheduler {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Labels;
using prometheus::MetricFamily;
using prometheus::MetricType;

// Seconds. A commit or a call takes from a tenth of a millisecond to seconds;
// a job may wait for days.
const Histogram::BucketBoundaries kLatencies{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                             0.025,  0.05,    0.1,    0.25,  0.5,    1,     2.5};
const Histogram::BucketBoundaries kWaits{0.1, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600};
const Histogram::BucketBoundaries kGroupSizes{1, 2, 4, 8, 16, 32, 64, 128, 256};
// Points of top-1; a gate is some tenths of one.
const Histogram::BucketBoundaries kDrops{-0.5, 0, 0.1, 0.25, 0.5, 1, 2, 5, 10};

Family<Counter>& Counters(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}
Family<Gauge>& Gauges(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}
Family<Histogram>& Histograms(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

void CollectProcess(std::vector<MetricFamily>& families) {
  Scraped("octet_scheduler_build_info", "1; says which version runs.")
      .Add({{"version", Version()}}, 1)
      .To(families);
  const auto self = ReadProcStat(getpid());
  if (!self) return;
  Scraped("octet_scheduler_cpu_seconds_total", "CPU time of the scheduler's process.",
          MetricType::Counter)
      .Add({}, self->cpu_seconds)
      .To(families);
  Scraped("octet_scheduler_resident_memory_bytes", "Memory of the scheduler's process.")
      .Add({}, static_cast<double>(self->resident_bytes))
      .To(families);
}

void CollectSlots(const std::map<std::string, ClusterFigures::ResourceFigures>& resources,
                  std::vector<MetricFamily>& families) {
  Scraped slots("octet_scheduler_slots",
                "Slots by state: free, used, or away: free on a node that takes no new work.");
  Scraped most("octet_scheduler_most_free_slots",
               "Free slots of the node that has the most of them.");
  for (const auto& [resource, figures] : resources) {
    for (const auto& [state, count] : figures.slots)
      slots.Add({{"resource", resource}, {"state", state}}, count);
    most.Add({{"resource", resource}}, figures.most_free_on_a_node);
  }
  slots.To(families);
  most.To(families);
}

void CollectNodes(const ClusterFigures& figures, std::vector<MetricFamily>& families) {
  Scraped("octet_scheduler_connected_agents", "Agents with an open stream.")
      .Add({}, figures.connected_agents)
      .To(families);
  Scraped nodes("octet_scheduler_nodes",
                "Nodes by state: ready, drained, quarantined, unfit, disconnected, lost.");
  for (const auto& [state, count] : figures.nodes) nodes.Add({{"state", state}}, count);
  nodes.To(families);
  Scraped away("octet_scheduler_node_away",
               "1 for each node that takes no new work, and why; at most 100 of them.");
  for (const auto& [node, reason] : figures.nodes_away)
    away.Add({{"node", node}, {"reason", reason}}, 1);
  away.To(families);
}

void CollectTeams(const std::map<std::string, ClusterFigures::TeamFigures>& teams,
                  std::vector<MetricFamily>& families) {
  Scraped jobs("octet_scheduler_jobs", "Jobs that wait or run, by team.");
  Scraped used("octet_scheduler_team_used_slots", "Slots that the team's jobs hold.");
  Scraped quota("octet_scheduler_team_quota_slots",
                "Slots that are the team's own when it wants them.");
  Scraped mean("octet_scheduler_team_mean_slots",
               "Slots held on average lately; old use counts less and less.");
  Scraped weight("octet_scheduler_team_weight",
                 "The team's part of the cluster in relation to other teams' weights.");
  for (const auto& [team, figures] : teams) {
    jobs.Add({{"state", "pending"}, {"team", team}}, figures.pending);
    jobs.Add({{"state", "running"}, {"team", team}}, figures.running);
    for (const auto& [resource, slots] : figures.used)
      used.Add({{"resource", resource}, {"team", team}}, slots);
    for (const auto& [resource, slots] : figures.quota)
      quota.Add({{"resource", resource}, {"team", team}}, slots);
    mean.Add({{"team", team}}, figures.mean_slots);
    weight.Add({{"team", team}}, figures.weight);
  }
  for (Scraped* family : {&jobs, &used, &quota, &mean, &weight}) family->To(families);
}

// Counts one call: it lives as long as the call.
class RpcTimer : public grpc::experimental::Interceptor {
 public:
  RpcTimer(std::shared_ptr<Metrics> metrics, const grpc::experimental::ServerRpcInfo& info)
      : metrics_(std::move(metrics)),
        method_(info.method()),
        is_unary_(info.type() == grpc::experimental::ServerRpcInfo::Type::UNARY),
        start_(Clock::Real().Steady()) {}
  ~RpcTimer() override {
    metrics_->ObserveRpc(method_, code_, Clock::Real().Steady() - start_, is_unary_);
  }
  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    using Point = grpc::experimental::InterceptionHookPoints;
    if (methods->QueryInterceptionHookPoint(Point::PRE_SEND_STATUS))
      code_ = methods->GetSendStatus().error_code();
    methods->Proceed();
  }

 private:
  const std::shared_ptr<Metrics> metrics_;
  const std::string method_;
  const bool is_unary_;
  const absl::Duration start_;
  grpc::StatusCode code_ = grpc::StatusCode::CANCELLED;  // Until it is answered.
};

}  // namespace

struct Metrics::Families {
  prometheus::Registry registry;
  Family<Histogram>& queue_wait = Histograms(registry, "octet_scheduler_queue_wait_seconds",
                                             "From a stage's entry into the queue to its start.");
  Histogram& pass = Histograms(registry, "octet_scheduler_pass_seconds",
                               "An event that made the scheduler look at the queue, and that look.")
                        .Add({}, kLatencies);
  Histogram& commit = Histograms(registry, "octet_scheduler_commit_seconds",
                                 "From a change to its durability, the wait for its turn included.")
                          .Add({}, kLatencies);
  Histogram& transaction =
      Histograms(registry, "octet_scheduler_store_transaction_seconds",
                 "One transaction of the store, which holds the changes of many callers.")
          .Add({}, kLatencies);
  Histogram& group = Histograms(registry, "octet_scheduler_store_transaction_changes",
                                "Changes that one transaction stored.")
                         .Add({}, kGroupSizes);
  Counter& store_errors =
      Counters(registry, "octet_scheduler_store_errors_total", "Transactions that were not stored.")
          .Add({});
  Family<Histogram>& rpc =
      Histograms(registry, "octet_scheduler_rpc_seconds", "Duration of unary calls.");
  Family<Counter>& rpcs = Counters(registry, "octet_scheduler_rpcs_total",
                                   "Calls that have ended, by gRPC status code.");
  Family<Counter>& state_changes = Counters(registry, "octet_scheduler_job_state_changes_total",
                                            "Changes of a job's state, by the new state.");
  Family<Counter>& attempt_starts = Counters(registry, "octet_scheduler_attempts_started_total",
                                             "Attempts that were given slots.");
  Family<Counter>& attempt_ends =
      Counters(registry, "octet_scheduler_attempts_ended_total",
               "Attempts that ended: succeeded, failed, preempted, resized, requeued, drained, "
               "cancelled.");
  Family<Counter>& failures =
      Counters(registry, "octet_scheduler_failures_total",
               "Attempts that failed, by class and cause as docs/failures.md says.");
  Family<Counter>& events =
      Counters(registry, "octet_scheduler_events_total", "Lines of the cluster's history by type.");
  Counter& sessions = Counters(registry, "octet_scheduler_agent_sessions_total",
                               "Streams that agents opened; one that comes again counts again.")
                          .Add({});
  Family<Counter>& exports =
      Counters(registry, "octet_scheduler_exports_total",
               "Export targets by outcome: succeeded, inaccurate (lost more than the job "
               "allows), failed.");
  Family<Histogram>& export_drop =
      Histograms(registry, "octet_scheduler_export_top1_drop_points",
                 "Points of top-1 that written files lost against the float model.");
  Family<Gauge>& export_float = Gauges(registry, "octet_scheduler_export_float_top1_percent",
                                       "Top-1 of the float model at the target's newest export.");
  Family<Gauge>& export_top1 = Gauges(registry, "octet_scheduler_export_top1_percent",
                                      "Top-1 of the file of the target's newest export.");
  Family<Gauge>& export_bytes = Gauges(registry, "octet_scheduler_export_bytes",
                                       "Size of the file of the target's newest export.");
  Family<Gauge>& export_speed =
      Gauges(registry, "octet_scheduler_export_images_per_second",
             "Speed of the check of the target's newest export, on the node that made it.");
};

std::string LabelLimit::Of(const std::string& name) {
  if (known_.size() >= most_ && !known_.contains(name)) return kOther;
  return *known_.insert(name).first;
}

// A counter that is first seen when it is at 1 has never risen, to Prometheus:
// those that alerts look at start at 0.
Metrics::Metrics() : families_(std::make_unique<Families>()) {
  for (const char* stage : {"train", "export", "command"})
    for (const char* outcome :
         {"succeeded", "failed", "preempted", "resized", "requeued", "drained", "cancelled"})
      families_->attempt_ends.Add({{"outcome", outcome}, {"stage", stage}});
  for (const char* type : {"node_lost", "node_drained", "node_unfit", "restarting", "preempted"})
    families_->events.Add({{"type", type}});
}
Metrics::~Metrics() = default;

void Metrics::Attach(std::function<ClusterFigures()> cluster) {
  absl::MutexLock lock(&mutex_);
  cluster_ = std::move(cluster);
}

std::string Metrics::TeamLabel(const std::string& team) const {
  absl::MutexLock lock(&labels_mutex_);
  return teams_.Of(team);
}

void Metrics::ObserveQueueWait(const std::string& team, absl::Duration wait) {
  families_->queue_wait.Add({{"team", TeamLabel(team)}}, kWaits)
      .Observe(absl::ToDoubleSeconds(wait));
}

void Metrics::ObservePass(absl::Duration took) {
  families_->pass.Observe(absl::ToDoubleSeconds(took));
}

void Metrics::ObserveCommit(absl::Duration latency) {
  families_->commit.Observe(absl::ToDoubleSeconds(latency));
}

void Metrics::ObserveTransaction(size_t changes, absl::Duration took, bool stored) {
  families_->transaction.Observe(absl::ToDoubleSeconds(took));
  families_->group.Observe(static_cast<double>(changes));
  if (!stored) families_->store_errors.Increment();
}

void Metrics::ObserveRpc(const std::string& method, grpc::StatusCode code, absl::Duration latency,
                         bool is_unary) {
  const std::string name = absl::StatusCodeToString(static_cast<absl::StatusCode>(code));
  families_->rpcs.Add({{"code", name}, {"method", method}}).Increment();
  if (is_unary)
    families_->rpc.Add({{"method", method}}, kLatencies).Observe(absl::ToDoubleSeconds(latency));
}

void Metrics::CountJobStateChange(const std::string& team, const std::string& state) {
  families_->state_changes.Add({{"state", state}, {"team", TeamLabel(team)}}).Increment();
}

void Metrics::CountAttemptStart(const std::string& stage) {
  families_->attempt_starts.Add({{"stage", stage}}).Increment();
}

void Metrics::CountAttemptEnd(const std::string& stage, const std::string& outcome) {
  families_->attempt_ends.Add({{"outcome", outcome}, {"stage", stage}}).Increment();
}

void Metrics::CountFailure(const std::string& failure_class, const std::string& cause) {
  std::string label = "unknown";
  if (!cause.empty()) {
    absl::MutexLock lock(&labels_mutex_);
    label = causes_.Of(cause);
  }
  families_->failures.Add({{"cause", label}, {"class", failure_class}}).Increment();
}

void Metrics::CountEvent(const std::string& type) {
  families_->events.Add({{"type", type}}).Increment();
}

void Metrics::CountAgentSession() { families_->sessions.Increment(); }

void Metrics::ObserveExport(const v1::TargetResult& result) {
  const Labels target{{"target", result.target()}};
  const bool written = result.bytes() > 0;
  const char* outcome = result.within_gate() ? "succeeded" : written ? "inaccurate" : "failed";
  families_->exports.Add({{"outcome", outcome}, {"target", result.target()}}).Increment();
  if (!written) return;
  families_->export_drop.Add(target, kDrops).Observe(result.float_top1() - result.top1());
  families_->export_float.Add(target).Set(result.float_top1());
  families_->export_top1.Add(target).Set(result.top1());
  families_->export_bytes.Add(target).Set(static_cast<double>(result.bytes()));
  families_->export_speed.Add(target).Set(result.images_per_s());
}

void Metrics::NoteMoment(JobMoment moment) {
  absl::MutexLock lock(&labels_mutex_);
  moment.team = teams_.Of(moment.team);
  moments_.push_back(std::move(moment));
  if (moments_.size() > kMostMoments) moments_.pop_front();
}

void Metrics::CollectMoments(std::vector<MetricFamily>& families) const {
  std::map<std::pair<std::string, std::string>, JobMoment> newest;
  {
    absl::MutexLock lock(&labels_mutex_);
    for (const JobMoment& moment : moments_) newest[{moment.job, moment.event}] = moment;
  }
  const absl::Time now = Clock::Real().Now();
  Scraped moments("octet_job_event_timestamp_seconds",
                  "When an attempt of the job started or ended last, for 10 minutes after it; at "
                  "most 500.");
  for (const auto& [key, moment] : newest)
    if (now - moment.time < kShowMoments)
      moments.Add({{"event", moment.event}, {"job", moment.job}, {"team", moment.team}},
                  absl::ToDoubleSeconds(moment.time - absl::UnixEpoch()));
  moments.To(families);
}

void Metrics::CollectCluster(const ClusterFigures& figures,
                             std::vector<MetricFamily>& families) const {
  Scraped pending("octet_scheduler_pending_jobs", "Jobs that wait, by the first reason.");
  int depth = 0;
  for (const auto& [reason, jobs] : figures.pending) {
    pending.Add({{"reason", reason}}, jobs);
    depth += jobs;
  }
  pending.To(families);
  Scraped("octet_scheduler_queue_depth", "Jobs that wait for slots.").Add({}, depth).To(families);
  std::map<std::string, ClusterFigures::TeamFigures> teams;
  for (const auto& [name, team] : figures.teams) {
    ClusterFigures::TeamFigures& sum = teams[TeamLabel(name)];
    sum.pending += team.pending;
    sum.running += team.running;
    sum.weight += team.weight;
    sum.mean_slots += team.mean_slots;
    for (const auto& [resource, slots] : team.used) sum.used[resource] += slots;
    for (const auto& [resource, slots] : team.quota) sum.quota[resource] += slots;
  }
  CollectTeams(teams, families);
  CollectSlots(figures.slots, families);
  CollectNodes(figures, families);
}

std::vector<MetricFamily> Metrics::Collect() const {
  std::vector<MetricFamily> families = families_->registry.Collect();
  CollectProcess(families);
  CollectMoments(families);
  absl::MutexLock lock(&mutex_);
  if (cluster_) CollectCluster(cluster_(), families);
  return families;
}

grpc::experimental::Interceptor* RpcTimerFactory::CreateServerInterceptor(
    grpc::experimental::ServerRpcInfo* info) {
  return new RpcTimer(metrics_, *info);
}

absl::StatusOr<std::unique_ptr<MetricsEndpoint>> MetricsEndpoint::Start(
    const std::string& address, const std::shared_ptr<Metrics>& metrics) {
  auto endpoint = std::unique_ptr<MetricsEndpoint>(new MetricsEndpoint);
  try {
    endpoint->exposer_ = std::make_unique<prometheus::Exposer>(address);
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat("cannot serve metrics on ", address,
                                               ": is the port in use? 0 lets the kernel pick (",
                                               error.what(), ")"));
  }
  endpoint->exposer_->RegisterCollectable(metrics);
  endpoint->address_ = absl::StrCat(address.substr(0, address.rfind(':')), ":",
                                    endpoint->exposer_->GetListeningPorts().front());
  return endpoint;
}

}  // namespace octet::scheduler
