#include "worker/agent/metrics.h"

#include <unistd.h>

#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "catalog/accelerators.h"
#include "common/proc_stat.h"
#include "common/scraped.h"
#include "common/version.h"
#include "prometheus/collectable.h"
#include "worker/agent/node_metrics.h"

namespace octet::agent {
namespace {

using Labels = std::map<std::string, std::string>;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr const char* kOutcomes[] = {"succeeded", "stopped", "failed"};

const char* OutcomeOf(const v1::RanksEnded& ended) {
  return ended.succeeded() ? kOutcomes[0] : ended.stopped() ? kOutcomes[1] : kOutcomes[2];
}

double SecondsOf(const google::protobuf::Duration& duration) {
  return static_cast<double>(duration.seconds()) + duration.nanos() * 1e-9;
}

// Adds a step's phases to a family.
void AddPhases(const v1::StepTime& time, const Labels& labels, Scraped& family) {
  const std::pair<const char*, double> phases[] = {{"data", time.data_s()},
                                                   {"compute", time.compute_s()},
                                                   {"communication", time.communication_s()}};
  for (const auto& [phase, seconds] : phases) {
    Labels with_phase = labels;
    with_phase["phase"] = phase;
    family.Add(with_phase, seconds);
  }
}

}  // namespace

class AgentMetrics::Collector : public prometheus::Collectable {
 public:
  explicit Collector(const AgentMetrics* metrics) : metrics_(metrics) {}
  std::vector<MetricFamily> Collect() const override { return metrics_->Collect(); }

 private:
  const AgentMetrics* const metrics_;
};

// Every family of jobs, in the order in which it is shown.
struct AgentMetrics::JobFamilies {
  Scraped attempt{"octet_job_attempt", "Number of the job's attempt that runs."};
  Scraped ranks{"octet_job_ranks", "Ranks of the attempt, on all nodes."};
  Scraped slots{"octet_job_node_slots", "Slots that the job holds on this node."};
  Scraped step{"octet_job_step", "Optimizer steps done."};
  Scraped steps{"octet_job_steps", "Optimizer steps of the whole training."};
  Scraped progress{"octet_job_progress_ratio", "Part of the training's steps that is done."};
  Scraped epoch{"octet_job_epoch", "Epochs done."};
  Scraped remaining{"octet_job_remaining_seconds", "Estimated until the training's end."};
  Scraped loss{"octet_job_loss", "Training loss averaged over all ranks."};
  Scraped train_top1{"octet_job_train_top1_percent", "Top-1 of the newest training batch."};
  Scraped top1{"octet_job_top1_percent",
               "Top-1 on the test split at the last evaluation; not there before the first."};
  Scraped rate{"octet_job_learning_rate", "Learning rate of the newest step."};
  Scraped images{"octet_job_images_per_second", "Training images a second over all ranks."};
  Scraped flops{"octet_job_flops_per_second",
                "Floating-point operations a second over all ranks, by the model graph's count: "
                "one multiply-add is 2, a training image costs 3 times its forward pass."};
  Scraped mfu{
      "octet_job_mfu_ratio",
      "octet_job_flops_per_second by what the accelerators could do at most (TensorFloat32, "
      "dense; catalog/accelerators.yaml); not there where the catalog has no figure."};
  Scraped step_seconds{"octet_job_step_seconds",
                       "Mean seconds of a training step by phase, averaged over ranks."};
  Scraped rank_seconds{"octet_job_rank_step_seconds",
                       "Mean seconds of a rank's own training steps by phase."};
  Scraped cpu{"octet_job_rank_cpu_seconds_total",
              "CPU time of the rank's process, without those that it started.",
              MetricType::Counter};
  Scraped memory{"octet_job_rank_resident_memory_bytes",
                 "Memory of the rank's process, without those that it started."};

  void AddProgress(const v1::TrainProgress& from, double peak_flops_per_s, const Labels& job) {
    const auto done = static_cast<double>(from.step());
    step.Add(job, done);
    if (from.total_steps() > 0) {
      steps.Add(job, static_cast<double>(from.total_steps()));
      progress.Add(job, done / static_cast<double>(from.total_steps()));
    }
    epoch.Add(job, from.epoch());
    if (from.has_remaining()) remaining.Add(job, SecondsOf(from.remaining()));
    loss.Add(job, from.loss());
    train_top1.Add(job, from.train_top1());
    if (from.top1() > 0) top1.Add(job, from.top1());
    rate.Add(job, from.learning_rate());
    images.Add(job, from.images_per_s());
    flops.Add(job, from.flops_per_s());
    if (peak_flops_per_s > 0) mfu.Add(job, from.flops_per_s() / peak_flops_per_s);
    AddPhases(from.step_time(), job, step_seconds);
  }

  void AddRank(const Rank& from, const Labels& rank) {
    if (from.time) AddPhases(*from.time, rank, rank_seconds);
    const auto stat = from.pid > 0 ? ReadProcStat(from.pid) : std::nullopt;
    if (!stat) return;
    cpu.Add(rank, stat->cpu_seconds);
    memory.Add(rank, static_cast<double>(stat->resident_bytes));
  }

  void To(std::vector<MetricFamily>& out) {
    for (Scraped* family : {&attempt, &ranks, &slots, &step, &steps, &progress, &epoch, &remaining,
                            &loss, &train_top1, &top1, &rate, &images, &flops, &mfu, &step_seconds,
                            &rank_seconds, &cpu, &memory})
      family->To(out);
  }
};

AgentMetrics::AgentMetrics(const MetricsOptions& options)
    : options_(options),
      gpus_(options.address.empty() ? nullptr : GpuMetrics::Load()),
      collector_(std::make_shared<Collector>(this)) {
  for (const char* outcome : kOutcomes) ended_[outcome] = 0;
}

AgentMetrics::~AgentMetrics() = default;

absl::StatusOr<std::unique_ptr<AgentMetrics>> AgentMetrics::Serve(const MetricsOptions& options) {
  std::unique_ptr<AgentMetrics> metrics(new AgentMetrics(options));
  const std::string& address = options.address;
  if (address.empty()) return metrics;
  try {
    metrics->exposer_ = std::make_unique<prometheus::Exposer>(address);
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat("cannot serve metrics on ", address, ": ",
                                               error.what(),
                                               "; give a free port with --metrics HOST:PORT"));
  }
  metrics->exposer_->RegisterCollectable(metrics->collector_);
  metrics->address_ = absl::StrCat(address.substr(0, address.rfind(':')), ":",
                                   metrics->exposer_->GetListeningPorts().front());
  return metrics;
}

void AgentMetrics::SetSlots(const std::vector<v1::Slot>& slots, int busy) {
  absl::MutexLock lock(&mutex_);
  slots_ = slots;
  busy_ = busy;
}

void AgentMetrics::StartAttempt(const v1::StartAttempt& start) {
  absl::MutexLock lock(&mutex_);
  Job job{.attempt = start.ref().attempt(),
          .ranks = start.world_size(),
          .slots = start.slot_indices_size()};
  for (const int rank : start.ranks()) job.by_rank[rank];
  job.has_rank_0 = job.by_rank.contains(0);
  // A gang's slots are of one kind, and nodes are taken to have the same models.
  const auto* model = slots_.empty() ? nullptr : catalog::FindAccelerator(slots_.front().model());
  if (model != nullptr) job.peak_flops_per_s = model->tensorfloat32_flops_per_s() * job.ranks;
  jobs_[start.ref().job_id()] = std::move(job);
}

AgentMetrics::Job* AgentMetrics::Find(const v1::AttemptRef& ref) {
  const auto found = jobs_.find(ref.job_id());
  return found == jobs_.end() || found->second.attempt != ref.attempt() ? nullptr : &found->second;
}

void AgentMetrics::SetPid(const v1::AttemptRef& ref, int rank, pid_t pid) {
  absl::MutexLock lock(&mutex_);
  if (Job* job = Find(ref)) job->by_rank[rank].pid = pid;
}

void AgentMetrics::SetProgress(const v1::AttemptRef& ref, const v1::TrainProgress& progress) {
  absl::MutexLock lock(&mutex_);
  if (Job* job = Find(ref)) job->progress = progress;
}

void AgentMetrics::SetRankTime(const v1::AttemptRef& ref, int rank, const v1::StepTime& time) {
  absl::MutexLock lock(&mutex_);
  if (Job* job = Find(ref)) job->by_rank[rank].time = time;
}

void AgentMetrics::EndAttempt(const v1::AttemptRef& ref, const v1::RanksEnded& ended) {
  absl::MutexLock lock(&mutex_);
  ++ended_[OutcomeOf(ended)];
  if (Find(ref) != nullptr) jobs_.erase(ref.job_id());
}

void AgentMetrics::CollectAgent(std::vector<MetricFamily>& families) const {
  const std::string& node = options_.node;
  Scraped info("octet_agent_info", "1; says what runs on the node and what it computes on.");
  Scraped slots("octet_agent_slots", "Slots of the node: free, or busy.");
  Scraped attempts("octet_agent_attempts_ended_total",
                   "Attempts whose ranks here have ended: succeeded, stopped, failed.",
                   MetricType::Counter);
  {
    absl::MutexLock lock(&mutex_);
    if (!slots_.empty()) {
      const v1::Slot& slot = slots_.front();
      info.Add({{"model", slot.model()}, {"node", node}, {"version", Version()}}, 1);
      const Labels labels{{"node", node}, {"resource", slot.resource()}};
      Labels free = labels, busy = labels;
      free["state"] = "free";
      busy["state"] = "busy";
      slots.Add(free, static_cast<double>(slots_.size()) - busy_).Add(busy, busy_);
    }
    for (const auto& [outcome, count] : ended_)
      attempts.Add({{"node", node}, {"outcome", outcome}}, count);
  }
  for (Scraped* family : {&info, &slots, &attempts}) family->To(families);
  const auto self = ReadProcStat(getpid());
  if (!self) return;
  Scraped("octet_agent_cpu_seconds_total", "CPU time of the agent's process.", MetricType::Counter)
      .Add({{"node", node}}, self->cpu_seconds)
      .To(families);
  Scraped("octet_agent_resident_memory_bytes", "Memory of the agent's process.")
      .Add({{"node", node}}, static_cast<double>(self->resident_bytes))
      .To(families);
}

void AgentMetrics::CollectJobs(std::vector<MetricFamily>& families) const {
  JobFamilies out;
  absl::MutexLock lock(&mutex_);
  for (const auto& [id, job] : jobs_) {
    const Labels labels{{"job", id}};
    out.slots.Add({{"job", id}, {"node", options_.node}}, job.slots);
    if (job.has_rank_0) {
      out.attempt.Add(labels, job.attempt);
      out.ranks.Add(labels, job.ranks);
    }
    if (job.progress) out.AddProgress(*job.progress, job.peak_flops_per_s, labels);
    for (const auto& [rank, figures] : job.by_rank)
      out.AddRank(figures, {{"job", id}, {"rank", absl::StrCat(rank)}});
  }
  out.To(families);
}

std::vector<MetricFamily> AgentMetrics::Collect() const {
  std::vector<MetricFamily> families;
  CollectAgent(families);
  CollectNode(options_.node, options_.dir, families);
  if (gpus_ != nullptr) gpus_->Collect(options_.node, families);
  CollectJobs(families);
  return families;
}

}  // namespace octet::agent
