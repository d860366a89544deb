// Ten times the clients that a scheduler can serve: what becomes of those that
// are admitted, of heartbeats, and of memory. Prints one JSON line last.
//   overload [SECONDS]
//
// The scheduler's disk takes 20 ms to sync, or else the clients, who are on the
// same machine, would be at their end before it is. 64 clients that submit one
// job after the other bring it to what it can take. Then come 640: first such
// as call again when they were told to, then such as call again after
// 5 ms, whatever the answer.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpcpp/grpcpp.h"
#include "octet/v1/jobs.grpc.pb.h"
#include "tests/bench/scheduler_under_test.h"
#include "tests/bench/simulated_agent.h"

namespace octet::bench {
namespace {

constexpr int kClients = 64, kMoreClients = 640;
constexpr int kAgents = 50;
constexpr absl::Duration kHeartbeat = absl::Milliseconds(100);
constexpr absl::Duration kWarmUp = absl::Seconds(3);
constexpr absl::Duration kRudePause = absl::Milliseconds(5);
constexpr char kDelayKey[] = "grpc-retry-pushback-ms";

struct Phase {
  Times admitted, heartbeats;
  std::atomic<bool> counts = false;  // not before all have connected
  std::atomic<int> refused = 0, without_delay = 0, failed = 0;
  double seconds = 0, rss_mib = 0;

  double AdmittedPerSecond() const {
    return static_cast<double>(admitted.Sorted().size()) / seconds;
  }
};

// The delay of a refusal; 0: it has none.
int DelayMs(const grpc::ClientContext& context) {
  const auto& metadata = context.GetServerTrailingMetadata();
  const auto found = metadata.find(kDelayKey);
  return found == metadata.end()
             ? 0
             : std::atoi(std::string(found->second.data(), found->second.size()).c_str());
}

void Submit(v1::JobService::Stub& stub, bool heeds, const std::atomic<bool>& stop, Phase& phase) {
  v1::CreateJobRequest request;
  *request.mutable_spec() = SmallJob();
  request.mutable_spec()->set_hold(true);  // This is about submits alone.
  while (!stop) {
    grpc::ClientContext context;
    v1::Job job;
    const double start = NowMs();
    const grpc::Status status = stub.CreateJob(&context, request, &job);
    if (status.ok()) {
      if (phase.counts) phase.admitted.Add(NowMs() - start);
    } else if (status.error_code() != grpc::RESOURCE_EXHAUSTED) {
      ++phase.failed;
    } else {
      phase.refused += phase.counts;
      const int delay = DelayMs(context);
      if (delay == 0) ++phase.without_delay;
      absl::SleepFor(heeds ? absl::Milliseconds(delay) : kRudePause);
    }
  }
}

void Run(const SchedulerUnderTest& scheduler, int count, bool heeds, absl::Duration length,
         Phase& phase) {
  std::vector<std::unique_ptr<v1::JobService::Stub>> stubs;
  for (int i = 0; i < count; ++i) stubs.push_back(v1::JobService::NewStub(scheduler.Connect()));
  const auto agents_stub = v1::AgentService::NewStub(scheduler.Connect());
  std::vector<std::unique_ptr<SimulatedAgent>> agents;
  for (int i = 0; i < kAgents; ++i)
    agents.push_back(std::make_unique<SimulatedAgent>(*agents_stub, i, phase.heartbeats,
                                                      [](const std::string&) {}));
  std::atomic<bool> stop = false;
  std::vector<std::thread> clients;
  for (const auto& stub : stubs) clients.emplace_back([&] { Submit(*stub, heeds, stop, phase); });
  absl::Time start = absl::Now() + kWarmUp;
  while (absl::Now() < start + length) {
    if (!phase.counts && absl::Now() >= start) {
      phase.counts = true;
      start = absl::Now();
    }
    for (const auto& agent : agents) agent->Heartbeat();
    absl::SleepFor(kHeartbeat);
  }
  stop = true;
  for (std::thread& client : clients) client.join();
  phase.seconds = absl::ToDoubleSeconds(absl::Now() - start);
  phase.rss_mib = scheduler.RssMib();
  for (const auto& agent : agents) agent->Leave();
  for (const auto& agent : agents) agent->AwaitEnd();
}

std::string Json(const std::string& name, const Phase& phase) {
  const std::vector<double> admitted = phase.admitted.Sorted(), beats = phase.heartbeats.Sorted();
  char text[512];
  std::snprintf(text, sizeof(text),
                "\"%s\": {\"admitted_per_s\": %.0f, \"refused_per_s\": %.0f, "
                "\"refused_without_delay\": %d, \"failed\": %d, \"admitted_median_ms\": %.2f, "
                "\"admitted_p99_ms\": %.2f, \"heartbeat_p99_ms\": %.2f, \"rss_mib\": %.0f}",
                name.c_str(), phase.AdmittedPerSecond(), phase.refused / phase.seconds,
                phase.without_delay.load(), phase.failed.load(), Quantile(admitted, 0.5),
                Quantile(admitted, 0.99), Quantile(beats, 0.99), phase.rss_mib);
  return text;
}

double P99(const Phase& phase) { return Quantile(phase.admitted.Sorted(), 0.99); }

int Main(absl::Duration length) {
  Phase capacity, heeding, rude;
  // A scheduler each: the jobs of one phase are not the next one's burden.
  for (const auto& [phase, clients, heeds] :
       {std::tuple(&capacity, kClients, true), std::tuple(&heeding, kMoreClients, true),
        std::tuple(&rude, kMoreClients, false)}) {
    const SchedulerUnderTest scheduler({{"LD_PRELOAD", OCTET_SLOW_SYNC}, {"OCTET_SYNC_MS", "20"}});
    Run(scheduler, clients, heeds, length, *phase);
  }
  std::printf("{%s, %s, %s, \"p99_ratio\": %.2f, \"rude_p99_ratio\": %.2f}\n",
              Json("capacity", capacity).c_str(), Json("ten_times", heeding).c_str(),
              Json("ten_times_rude", rude).c_str(), P99(heeding) / P99(capacity),
              P99(rude) / P99(capacity));
  return 0;
}

}  // namespace
}  // namespace octet::bench

int main(int argc, char** argv) {
  return octet::bench::Main(absl::Seconds(argc > 1 ? std::atof(argv[1]) : 10));
}
