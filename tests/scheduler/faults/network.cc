#include "tests/scheduler/faults/network.h"

#include <algorithm>
#include <utility>

#include "tests/scheduler/faults/scheduler_process.h"

namespace octet::scheduler::faults {
namespace {

std::string Describe(const v1::AttemptRef& ref) {
  return absl::StrCat(ref.job_id(), "/", ref.attempt());
}

}  // namespace

std::string Describe(const v1::AgentMessage& message) {
  if (message.has_hello()) {
    std::string text = absl::StrCat("hello of ", message.hello().agent_instance());
    for (const v1::AttemptRef& ref : message.hello().running())
      absl::StrAppend(&text, ", runs ", Describe(ref));
    return text;
  }
  if (message.has_heartbeat()) return "heartbeat";
  const v1::AttemptReport& report = message.report();
  const std::string of = absl::StrCat("report ", report.sequence(), " of ", Describe(report.ref()));
  if (report.has_started()) return of + ": started";
  if (report.has_rendezvous_endpoint()) return of + ": rendezvous";
  if (report.has_checkpoint()) return of + ": checkpoint";
  if (report.has_progress()) return of + ": progress";
  if (!report.has_ended()) return of + ": result";
  const v1::RanksEnded& ended = report.ended();
  return absl::StrCat(of, ": ended, ",
                      ended.succeeded() ? "succeeded"
                      : ended.stopped() ? "stopped"
                                        : ended.failure().message());
}

std::string Describe(const v1::SchedulerMessage& message) {
  if (message.has_welcome()) {
    std::string text = "welcome";
    for (const v1::AttemptRef& ref : message.welcome().unwanted())
      absl::StrAppend(&text, ", ", Describe(ref), " is not wanted");
    return text;
  }
  if (message.has_start_attempt()) {
    const v1::StartAttempt& start = message.start_attempt();
    return absl::StrCat("start ", Describe(start.ref()), " (", start.stage(), ") on ",
                        start.ranks_size(), " of ", start.world_size(), " slots");
  }
  if (message.has_stop_attempt())
    return absl::StrCat("stop ", Describe(message.stop_attempt().ref()), ": ",
                        message.stop_attempt().reason());
  if (message.has_rendezvous_ready())
    return absl::StrCat("rendezvous of ", Describe(message.rendezvous_ready().ref()));
  if (message.has_signal_attempt())
    return absl::StrCat("signal to ", Describe(message.signal_attempt().ref()));
  return absl::StrCat("ack ", message.report_ack().sequence());
}

// --- The scheduler's side -----------------------------------------------------

void Stream::Send(v1::SchedulerMessage message) {
  if (closed_ || !network_.scheduler_.MaySend(life_)) return;
  network_.oracle_.OnSend(node_, instance_, message);
  const auto self = shared_from_this();
  welcomed_ = welcomed_ || message.has_welcome();
  const int copies = 1 + (!message.has_welcome() &&
                          network_.weather_.Has(network_.loop_, network_.weather_.doubled));
  for (int i = 0; i < copies; ++i) {
    const absl::Duration arrival = network_.Arrival(node_, last_down_);
    network_.loop_.After(arrival - network_.loop_.now(), [self, arrival, message] {
      if (self->agent_left_ || arrival > self->cut_) return;
      self->network_.loop_.Trace(self->node_, " <- ", Describe(message));
      self->agent_.OnMessage(self, message);
    });
  }
}

void Stream::Close(const absl::Status& status) {
  if (closed_ || !network_.scheduler_.MaySend(life_)) return;
  closed_ = true;
  network_.loop_.Trace("scheduler closes stream ", number_, " of ", node_, ": ",
                       std::string(status.message()));
  const auto self = shared_from_this();
  const absl::Duration arrival = network_.Arrival(node_, last_down_);
  network_.EndForAgent(self, arrival - network_.loop_.now());
  // A read was under way; what it reads is still taken.
  reads_ = 1;
  network_.EndReadingAfter(self, network_.Latency());
}

bool Network::Reaches(const Stream& stream) const {
  return scheduler_.alive() && scheduler_.life() == stream.life_ && !stream.read_ended_ &&
         stream.reads_ != 0;
}

void Network::Deliver(const std::shared_ptr<Stream>& stream, const v1::AgentMessage& message) {
  if (!Reaches(*stream)) return;
  loop_.Trace(stream->node_, " -> ", Describe(message),
              message.has_hello() ? absl::StrCat(" on stream ", stream->number_) : "");
  if (stream->reads_ > 0) --stream->reads_;
  Take(stream, message);
}

// As AgentStream::Take does.
void Network::Take(const std::shared_ptr<Stream>& stream, const v1::AgentMessage& message) {
  Controller& controller = scheduler_.controller();
  if (message.has_hello()) {
    const absl::Status connected = controller.ConnectAgent(message.hello(), stream);
    if (!connected.ok()) return stream->Close(connected);
    stream->taken_ = true;
    current_[stream->node_] = stream->number_;
    oracle_.OnHello(stream->node_, stream->instance_);
  } else if (message.has_heartbeat()) {
    if (!stream->closed_ && current_[stream->node_] == stream->number_)
      oracle_.OnHeard(stream->node_);
    controller.HearAgent(stream->node_, stream, message.heartbeat());
  } else {
    controller.Report(stream->node_, stream, message.report(),
                      oracle_.OnReport(stream->node_, stream->instance_, message.report()));
  }
}

void Network::EndReadingAfter(const std::shared_ptr<Stream>& stream, absl::Duration after) {
  loop_.After(after, [=, this] { scheduler_.Take([=, this] { EndReading(stream); }); });
}

void Network::EndReading(const std::shared_ptr<Stream>& stream) {
  if (!scheduler_.alive() || scheduler_.life() != stream->life_ || stream->read_ended_) return;
  stream->read_ended_ = true;
  loop_.Trace("scheduler reads no more of stream ", stream->number_, " of ", stream->node_);
  if (stream->taken_) scheduler_.controller().DisconnectAgent(stream->node_, stream);
  stream->Close(absl::OkStatus());
}

// --- The agent's side -----------------------------------------------------------

std::shared_ptr<Stream> Network::Dial(AgentEnd& agent, const v1::AgentHello& hello) {
  auto stream = std::make_shared<Stream>(*this, agent, hello, next_stream_++, scheduler_.life());
  std::erase_if(streams_, [](const auto& each) { return each.expired(); });
  streams_.push_back(stream);
  v1::AgentMessage first;
  *first.mutable_hello() = hello;
  if (!scheduler_.alive()) {
    EndForAgent(stream, Latency());
    return stream;
  }
  Send(stream, std::move(first));
  return stream;
}

void Network::Send(const std::shared_ptr<Stream>& stream, v1::AgentMessage message) {
  if (stream->agent_left_) return;
  const int copies = 1 + (!message.has_hello() && weather_.Has(loop_, weather_.doubled));
  for (int i = 0; i < copies; ++i) {
    const absl::Duration arrival = Arrival(stream->node_, stream->last_up_);
    loop_.After(arrival - loop_.now(), [=, this] {
      if (arrival <= stream->cut_) scheduler_.Take([=, this] { Deliver(stream, message); });
    });
  }
}

void Network::Leave(const std::shared_ptr<Stream>& stream) {
  if (stream->agent_left_) return;
  stream->agent_left_ = true;
  const absl::Duration arrival = Arrival(stream->node_, stream->last_up_);
  EndReadingAfter(stream, arrival - loop_.now());
}

void Network::Break(const std::shared_ptr<Stream>& stream) {
  if (stream->agent_left_) return;
  loop_.Trace("stream ", stream->number_, " of ", stream->node_, " breaks");
  // What is on its way still arrives, or does not.
  stream->cut_ = loop_.now() + (loop_.Chance(0.5) ? absl::ZeroDuration() : weather_.longest_delay);
  EndForAgent(stream, loop_.Chance(0.7) ? Latency() : loop_.Between({}, absl::Seconds(5)));
  const absl::Duration noticed =
      loop_.Chance(0.7) ? Latency() : loop_.Between({}, absl::Seconds(30));
  EndReadingAfter(stream, noticed);
}

void Network::EndForAgent(const std::shared_ptr<Stream>& stream, absl::Duration after) {
  loop_.After(after, [stream] {
    if (std::exchange(stream->agent_left_, true)) return;
    stream->agent_.OnBroken(stream);
  });
}

void Network::CutOff(const std::string& node, absl::Duration how_long) {
  loop_.Trace("the network loses ", node, " for ", absl::FormatDuration(how_long));
  cut_until_[node] = loop_.now() + how_long;
}

std::set<std::string> Network::OpenNodes() const {
  std::set<std::string> nodes;
  for (const auto& each : streams_)
    if (const auto stream = each.lock();
        stream != nullptr && stream->welcomed_ && !stream->closed_ && Reaches(*stream))
      nodes.insert(stream->node_);
  return nodes;
}

void Network::SchedulerDied() {
  for (const auto& each : streams_) {
    const std::shared_ptr<Stream> stream = each.lock();
    if (stream == nullptr || stream->life_ != scheduler_.life()) continue;
    EndForAgent(stream, Arrival(stream->node_, stream->last_down_) - loop_.now());
  }
}

absl::Duration Network::Latency() {
  if (weather_.Has(loop_, weather_.delay)) return loop_.Between({}, weather_.longest_delay);
  return loop_.Between(absl::Microseconds(50), absl::Milliseconds(2));
}

absl::Duration Network::Arrival(const std::string& node, absl::Duration& last) {
  absl::Duration arrival = loop_.now() + Latency();
  if (const auto cut = cut_until_.find(node); cut != cut_until_.end())
    arrival = std::max(arrival, cut->second);
  last = std::max(arrival, last + absl::Nanoseconds(1));
  return last;
}

}  // namespace octet::scheduler::faults
