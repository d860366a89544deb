// Thousands of agents on one scheduler, over real gRPC on loopback: how soon a
// heartbeat is handled, how soon a watcher hears of a change, and what memory
// the scheduler takes. Prints one JSON line last.
//   agents_scale [AGENTS] [SECONDS]
//
// Agents are simulated, 100 to a connection; the protocol is the real one.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "grpcpp/grpcpp.h"
#include "octet/v1/jobs.grpc.pb.h"
#include "octet/v1/nodes.grpc.pb.h"
#include "tests/bench/scheduler_under_test.h"
#include "tests/bench/simulated_agent.h"

namespace octet::bench {
namespace {

constexpr int kAgentsPerConnection = 100;
constexpr int kWatchers = 16;
constexpr absl::Duration kInterval = absl::Seconds(2);  // the scheduler's default

/// When agents reported that jobs had ended, for their watchers. Thread-safe.
class Ends {
 public:
  void Set(const std::string& job) {
    absl::MutexLock lock(&mutex_);
    sent_[job] = NowMs();
  }
  double Take(const std::string& job) {
    absl::MutexLock lock(&mutex_);
    return sent_[job];
  }

 private:
  absl::Mutex mutex_;
  std::map<std::string, double> sent_ ABSL_GUARDED_BY(mutex_);
};

// Submits a job, watches it to its end, and begins again.
void Watch(const SchedulerUnderTest& scheduler, const std::atomic<bool>& stop, Ends& ends,
           Times& watches) {
  const auto stub = v1::JobService::NewStub(scheduler.Connect());
  while (!stop) {
    v1::CreateJobRequest request;
    *request.mutable_spec() = SmallJob();
    v1::Job job;
    grpc::ClientContext create, watch;
    if (!stub->CreateJob(&create, request, &job).ok()) continue;
    v1::WatchJobRequest which;
    which.set_job_id(job.job_id());
    const auto reader = stub->WatchJob(&watch, which);
    while (reader->Read(&job)) {
      if (job.state() != v1::JOB_STATE_SUCCEEDED) continue;
      if (const double sent = ends.Take(job.job_id()); sent > 0) watches.Add(NowMs() - sent);
    }
    reader->Finish().ok();
    absl::SleepFor(absl::Milliseconds(200));
  }
}

// Pages through nodes and jobs, as a dashboard would.
void List(const SchedulerUnderTest& scheduler, const std::atomic<bool>& stop, Times& lists) {
  const auto channel = scheduler.Connect();
  const auto nodes = v1::NodeService::NewStub(channel);
  const auto jobs = v1::JobService::NewStub(channel);
  while (!stop) {
    const double start = NowMs();
    grpc::ClientContext first, second;
    v1::ListNodesResponse node_page;
    v1::ListJobsResponse job_page;
    if (nodes->ListNodes(&first, {}, &node_page).ok() &&
        jobs->ListJobs(&second, {}, &job_page).ok())
      lists.Add(NowMs() - start);
    absl::SleepFor(absl::Seconds(1));
  }
}

// Each agent once an interval, evenly over it.
void Beat(const std::vector<std::unique_ptr<SimulatedAgent>>& agents, absl::Time end) {
  const absl::Duration each = kInterval / static_cast<int64_t>(agents.size());
  absl::Time next = absl::Now();
  for (size_t i = 0; absl::Now() < end; i = (i + 1) % agents.size()) {
    agents[i]->Heartbeat();
    next += each;
    absl::SleepFor(next - absl::Now());
  }
}

int Main(int agent_count, absl::Duration length) {
  const SchedulerUnderTest scheduler;
  std::vector<std::unique_ptr<v1::AgentService::Stub>> stubs;
  for (int i = 0; i < agent_count; i += kAgentsPerConnection)
    stubs.push_back(v1::AgentService::NewStub(scheduler.Connect()));
  Times heartbeats, watches, lists;
  Ends ends;
  std::vector<std::unique_ptr<SimulatedAgent>> agents;
  for (int i = 0; i < agent_count; ++i)
    agents.push_back(
        std::make_unique<SimulatedAgent>(*stubs[i / kAgentsPerConnection], i, heartbeats,
                                         [&](const std::string& job) { ends.Set(job); }));
  const auto welcomed = [&] {
    return std::count_if(agents.begin(), agents.end(),
                         [](const auto& agent) { return agent->welcomed(); });
  };
  const absl::Time dialled = absl::Now();
  while (welcomed() < agent_count && absl::Now() < dialled + absl::Minutes(1))
    absl::SleepFor(absl::Milliseconds(10));

  std::atomic<bool> stop = false;
  std::vector<std::thread> clients;
  for (int i = 0; i < kWatchers; ++i)
    clients.emplace_back([&] { Watch(scheduler, stop, ends, watches); });
  clients.emplace_back([&] { List(scheduler, stop, lists); });
  const double cpu = scheduler.CpuSeconds();
  Beat(agents, absl::Now() + length);
  const double cpu_percent = 100 * (scheduler.CpuSeconds() - cpu) / absl::ToDoubleSeconds(length);
  stop = true;
  for (std::thread& client : clients) client.join();
  const double rss = scheduler.PeakRssMib();
  for (const auto& agent : agents) agent->Leave();
  for (const auto& agent : agents) agent->AwaitEnd();

  const std::vector<double> beat = heartbeats.Sorted(), watch = watches.Sorted();
  std::printf(
      "{\"agents\": %d, \"welcomed\": %td, \"seconds\": %.0f, \"heartbeats_measured\": %zu, "
      "\"heartbeat_median_ms\": %.2f, \"heartbeat_p99_ms\": %.2f, \"watches_measured\": %zu, "
      "\"watch_median_ms\": %.2f, \"watch_p99_ms\": %.2f, \"list_p99_ms\": %.2f, "
      "\"peak_rss_mib\": %.0f, \"cpu_percent\": %.0f}\n",
      agent_count, welcomed(), absl::ToDoubleSeconds(length), beat.size(), Quantile(beat, 0.5),
      Quantile(beat, 0.99), watch.size(), Quantile(watch, 0.5), Quantile(watch, 0.99),
      Quantile(lists.Sorted(), 0.99), rss, cpu_percent);
  return 0;
}

}  // namespace
}  // namespace octet::bench

int main(int argc, char** argv) {
  return octet::bench::Main(argc > 1 ? std::atoi(argv[1]) : 5000,
                            absl::Seconds(argc > 2 ? std::atof(argv[2]) : 60));
}
