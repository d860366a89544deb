// Durable submits over the API: 64 clients create jobs as fast as the scheduler
// answers. Prints one JSON line last.
//   submit_load [SECONDS]
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpcpp/grpcpp.h"
#include "octet/v1/jobs.grpc.pb.h"
#include "tests/bench/scheduler_under_test.h"

namespace octet::bench {
namespace {

constexpr int kClients = 64;

// Milliseconds that each answer took.
std::vector<double> Submit(const SchedulerUnderTest& scheduler, int client,
                           const std::atomic<bool>& stop, std::atomic<int>& refused) {
  const auto stub = v1::JobService::NewStub(scheduler.Connect());
  std::vector<double> times;
  for (int number = 0; !stop; ++number) {
    v1::CreateJobRequest request;
    request.set_request_id(absl::StrCat(client, "-", number));
    *request.mutable_spec() = SmallJob();
    grpc::ClientContext context;
    v1::Job job;
    const absl::Time start = absl::Now();
    if (!stub->CreateJob(&context, request, &job).ok()) ++refused;
    times.push_back(absl::ToDoubleMilliseconds(absl::Now() - start));
  }
  return times;
}

int Main(absl::Duration length) {
  const SchedulerUnderTest scheduler;
  std::atomic<bool> stop = false;
  std::atomic<int> refused = 0;
  std::vector<std::vector<double>> times(kClients);
  std::vector<std::thread> clients;
  const absl::Time start = absl::Now();
  for (int i = 0; i < kClients; ++i)
    clients.emplace_back([&, i] { times[i] = Submit(scheduler, i, stop, refused); });
  absl::SleepFor(length);
  stop = true;
  for (std::thread& client : clients) client.join();
  const double seconds = absl::ToDoubleSeconds(absl::Now() - start);

  std::vector<double> all;
  for (const auto& each : times) all.insert(all.end(), each.begin(), each.end());
  std::sort(all.begin(), all.end());
  std::printf(
      "{\"clients\": %d, \"submits\": %zu, \"refused\": %d, \"submits_per_s\": %.0f, "
      "\"median_ms\": %.2f, \"p99_ms\": %.2f}\n",
      kClients, all.size(), refused.load(), static_cast<double>(all.size()) / seconds,
      Quantile(all, 0.5), Quantile(all, 0.99));
  return 0;
}

}  // namespace
}  // namespace octet::bench

int main(int argc, char** argv) {
  return octet::bench::Main(absl::Seconds(argc > 1 ? std::atof(argv[1]) : 5));
}
