#include "tests/bench/simulated_agent.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace octet::bench {
namespace {

constexpr int kSlots = 8;
constexpr int kNodesPerSwitch = 16;
constexpr int kHeartbeatsPerProbe = 10;

}  // namespace

double NowMs() { return absl::ToDoubleMilliseconds(absl::Now() - absl::UnixEpoch()); }

std::vector<double> Times::Sorted() const {
  absl::MutexLock lock(&mutex_);
  std::vector<double> sorted = all_;
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

SimulatedAgent::SimulatedAgent(v1::AgentService::Stub& stub, int number, Times& heartbeats,
                               std::function<void(const std::string& job)> on_end)
    : heartbeats_(heartbeats), on_end_(std::move(on_end)) {
  v1::AgentMessage message;
  v1::AgentHello& hello = *message.mutable_hello();
  hello.set_agent_instance(absl::StrCat("life-", number));
  v1::Node& node = *hello.mutable_node();
  node.set_name(absl::StrCat("n", number));
  (*node.mutable_labels())["switch"] = absl::StrCat("s", number / kNodesPerSwitch);
  for (int index = 0; index < kSlots; ++index) {
    v1::Slot& slot = *node.add_slots();
    slot.set_index(index);
    slot.set_resource("cpu");
    slot.set_endpoint(absl::StrCat("127.0.0.1:", 20000 + index));
  }
  stub.async()->Connect(&context_, this);
  Send(std::move(message));
  StartRead(&incoming_);
  StartCall();
}

void SimulatedAgent::Heartbeat() {
  v1::AgentMessage message;
  message.mutable_heartbeat();
  Send(std::move(message));
  if (++sent_heartbeats_ % kHeartbeatsPerProbe != 0) return;
  v1::AttemptReport probe;
  probe.mutable_ref()->set_job_id("j1");
  probe.mutable_ref()->set_attempt(1'000'000);
  probe.mutable_started();
  Report(std::move(probe), true);
}

void SimulatedAgent::AwaitEnd() {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&done_));
}

void SimulatedAgent::Report(v1::AttemptReport report, bool is_probe) {
  v1::AgentMessage message;
  {
    absl::MutexLock lock(&mutex_);
    report.set_sequence(++sequence_);
    if (is_probe) probes_[sequence_] = NowMs();
  }
  *message.mutable_report() = std::move(report);
  Send(std::move(message));
}

void SimulatedAgent::Send(v1::AgentMessage message) {
  absl::MutexLock lock(&mutex_);
  outgoing_.push_back(std::move(message));
  if (outgoing_.size() == 1) StartWrite(&outgoing_.front());
}

void SimulatedAgent::OnWriteDone(bool ok) {
  absl::MutexLock lock(&mutex_);
  outgoing_.pop_front();
  if (ok && !outgoing_.empty()) StartWrite(&outgoing_.front());
}

void SimulatedAgent::OnReadDone(bool ok) {
  if (!ok) return;
  if (incoming_.has_welcome()) welcomed_ = true;
  if (incoming_.has_start_attempt()) Run(incoming_.start_attempt().ref());
  if (incoming_.has_report_ack()) Acknowledged(incoming_.report_ack().sequence());
  StartRead(&incoming_);
}

void SimulatedAgent::OnDone(const grpc::Status&) {
  absl::MutexLock lock(&mutex_);
  done_ = true;
}

void SimulatedAgent::Run(const v1::AttemptRef& ref) {
  v1::AttemptReport started, ended;
  *started.mutable_ref() = *ended.mutable_ref() = ref;
  started.mutable_started();
  ended.mutable_ended()->set_succeeded(true);
  Report(std::move(started), false);
  on_end_(ref.job_id());
  Report(std::move(ended), false);
}

void SimulatedAgent::Acknowledged(int64_t sequence) {
  absl::MutexLock lock(&mutex_);
  const auto probe = probes_.find(sequence);
  if (probe == probes_.end()) return;
  heartbeats_.Add(NowMs() - probe->second);
  probes_.erase(probe);
}

}  // namespace octet::bench
