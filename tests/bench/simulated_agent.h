// The agent of one node, as far as the scheduler can tell.
#ifndef OCTET_TESTS_BENCH_SIMULATED_AGENT_H_
#define OCTET_TESTS_BENCH_SIMULATED_AGENT_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/grpcpp.h"
#include "octet/v1/agents.grpc.pb.h"

namespace octet::bench {

/// Of the wall clock.
double NowMs();

/// Times in milliseconds. Thread-safe.
class Times {
 public:
  void Add(double ms) {
    absl::MutexLock lock(&mutex_);
    all_.push_back(ms);
  }
  std::vector<double> Sorted() const;

 private:
  mutable absl::Mutex mutex_;
  std::vector<double> all_ ABSL_GUARDED_BY(mutex_);
};

/// Runs what it is told to, in no time. A heartbeat has no answer, so every
/// tenth is followed, on the same stream, by a report of an attempt that is
/// long over: its acknowledgement comes after both have been handled, and a
/// commit.
class SimulatedAgent final
    : public grpc::ClientBidiReactor<v1::AgentMessage, v1::SchedulerMessage> {
 public:
  /// Dials. stub, heartbeats: outlive this; how long probes took goes into
  /// heartbeats. on_end: told of each job that is about to be reported as
  /// ended; called from gRPC's threads.
  SimulatedAgent(v1::AgentService::Stub& stub, int number, Times& heartbeats,
                 std::function<void(const std::string& job)> on_end);

  bool welcomed() const { return welcomed_; }
  void Heartbeat();
  void Leave() { context_.TryCancel(); }
  /// After Leave, before the destructor.
  void AwaitEnd();

 private:
  void Report(v1::AttemptReport report, bool is_probe);
  void Send(v1::AgentMessage message);
  void OnWriteDone(bool ok) override;
  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status&) override;
  void Run(const v1::AttemptRef& ref);
  void Acknowledged(int64_t sequence);

  Times& heartbeats_;
  const std::function<void(const std::string& job)> on_end_;
  std::atomic<bool> welcomed_ = false;
  grpc::ClientContext context_;
  v1::SchedulerMessage incoming_;
  int sent_heartbeats_ = 0;

  absl::Mutex mutex_;
  std::deque<v1::AgentMessage> outgoing_ ABSL_GUARDED_BY(mutex_);  // the front one is written
  int64_t sequence_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<int64_t, double> probes_ ABSL_GUARDED_BY(mutex_);  // when each was sent
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace octet::bench

#endif  // OCTET_TESTS_BENCH_SIMULATED_AGENT_H_
