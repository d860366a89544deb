#include "worker/agent/agent.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "common/log.h"
#include "common/status.h"
#include "common/version.h"
#include "google/protobuf/util/time_util.h"
#include "worker/agent/health.h"
#include "worker/agent/leftovers.h"
#include "worker/agent/network.h"
#include "worker/agent/slots.h"

namespace octet::agent {
namespace {

// How long an ending agent waits for files and logs after its ranks are gone,
// and for the scheduler to acknowledge the last reports.
constexpr absl::Duration kStoreAtShutdown = absl::Seconds(3);
constexpr absl::Duration kReportAtShutdown = absl::Seconds(2);

absl::StatusOr<std::string> AdvertiseHost(const AgentOptions& options) {
  if (!options.advertise_host.empty()) return options.advertise_host;
  if (absl::StartsWith(options.scheduler, "unix:")) return std::string("127.0.0.1");
  auto address = LocalAddressTowards(options.scheduler);
  if (!address.ok())
    return Annotate(address.status(),
                    "cannot tell where other nodes reach this one (give --advertise-host)");
  return address;
}

// Tells this life of the agent from the others.
std::string NewInstance() {
  std::random_device random;
  return absl::StrFormat("%08x%08x%08x%08x", random(), random(), random(), random());
}

absl::Duration ToAbsl(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Agent>> Agent::Start(const AgentOptions& options) {
  std::unique_ptr<Agent> agent(new Agent(options));
  RETURN_IF_ERROR(agent->Init());
  return agent;
}

absl::Status Agent::Init() {
  const std::string socket = options_.dir + "/ranks.sock";
  context_.host.node = options_.node;
  context_.host.program_dir = options_.program_dir;
  context_.host.rank_address = "unix:" + socket;
  ASSIGN_OR_RETURN(folder_lock_, FolderLock::Take(options_.dir));
  KillMarked({{kAgentVariable, context_.host.rank_address}});
  ASSIGN_OR_RETURN(context_.host.slots, FindSlots(options_.cpu_slots, options_.tpu_slots));
  ASSIGN_OR_RETURN(context_.advertise_host, AdvertiseHost(options_));
  RETURN_IF_ERROR(HoldPorts());
  RETURN_IF_ERROR(Isolate());
  ASSIGN_OR_RETURN(metrics_, AgentMetrics::Serve({options_.metrics, options_.node, options_.dir}));
  context_.dir = options_.dir;
  context_.hang_after = options_.hang_after;
  ASSIGN_OR_RETURN(membership_, Membership::Open(options_));
  context_.scheduler = membership_->scheduler();
  context_.outbox = &outbox_;
  context_.metrics = metrics_.get();
  FillHello();
  CountSlots();
  rank_service_ =
      std::make_unique<RankService>([this](const AttemptKey& key) { return Find(key); });
  ASSIGN_OR_RETURN(rank_server_,
                   ServeRanks(rank_service_.get(), socket, isolation_->has_accounts()));
  if (!options_.health.empty()) {
    ASSIGN_OR_RETURN(health_, HealthEndpoint::Start(options_.health));
  }
  session_ =
      std::make_unique<Session>(context_.scheduler, &outbox_, static_cast<SessionHandler*>(this));
  return absl::OkStatus();
}

absl::Status Agent::HoldPorts() {
  for (v1::Slot& slot : context_.host.slots) {
    auto port = HeldPort::Hold();
    if (!port.ok())
      return Annotate(port.status(), "no ports for ranks (offer fewer slots, or raise ulimit -n)");
    slot.set_endpoint(absl::StrCat(context_.advertise_host, ":", (*port)->port()));
    ports_.push_back(*std::move(port));
  }
  return absl::OkStatus();
}

absl::Status Agent::Isolate() {
  isolation::IsolationOptions options = options_.isolation;
  options.agent_dir = options_.dir;
  options.program_dir = options_.program_dir;
  options.slots = static_cast<int>(context_.host.slots.size());
  ASSIGN_OR_RETURN(isolation_, isolation::Isolation::Create(std::move(options)));
  context_.isolation = isolation_.get();
  for (const std::string& gap : isolation_->gaps()) spdlog::warn("isolation is partial: {}", gap);
  return absl::OkStatus();
}

Agent::~Agent() {
  session_.reset();
  // Before the server: calls of ranks wait for their attempt.
  for (const auto& attempt : Attempts()) attempt->Abandon();
  rank_server_.reset();
}

void Agent::Shutdown() {
  {
    absl::MutexLock lock(&mutex_);
    shutting_down_ = true;
  }
  // Ahead of the first end: what stops here is not to come back here.
  session_->SendHeartbeat();
  const auto attempts = Attempts();
  for (const auto& attempt : attempts) attempt->Stop(options_.stop_grace);
  for (const auto& attempt : attempts)
    attempt->WaitForRanks(options_.stop_grace + absl::Seconds(1));
  const absl::Time deadline = absl::Now() + kStoreAtShutdown;
  for (const auto& attempt : attempts) {
    if (!attempt->WaitForEnd(deadline - absl::Now())) attempt->Abandon();
  }
  for (const auto& attempt : attempts) attempt->WaitForEnd(kReportAtShutdown);
  if (!outbox_.WaitUntilEmpty(kReportAtShutdown))
    spdlog::warn("ending although the scheduler has not acknowledged every report");
}

void Agent::FillHello() {
  v1::Node& node = *hello_.mutable_node();
  node.set_name(options_.node);
  node.mutable_slots()->Add(context_.host.slots.begin(), context_.host.slots.end());
  for (const auto& [key, value] : options_.labels) (*node.mutable_labels())[key] = value;
  (*node.mutable_labels())["isolation"] =
      absl::StrCat(ToString(isolation_->mode()), isolation_->gaps().empty() ? "" : "-partial");
  node.set_agent_version(Version());
  node.set_metrics_address(metrics_->address());
  if (options_.lifetime) {
    *node.mutable_end_of_life_time() = google::protobuf::util::TimeUtil::NanosecondsToTimestamp(
        absl::ToUnixNanos(absl::Now() + *options_.lifetime));
  }
  hello_.set_agent_instance(NewInstance());
}

std::shared_ptr<Attempt> Agent::Find(const AttemptKey& key) const {
  absl::MutexLock lock(&mutex_);
  const auto attempt = attempts_.find(key);
  return attempt == attempts_.end() ? nullptr : attempt->second;
}

std::vector<std::shared_ptr<Attempt>> Agent::Attempts() const {
  absl::MutexLock lock(&mutex_);
  std::vector<std::shared_ptr<Attempt>> attempts;
  for (const auto& [key, attempt] : attempts_) attempts.push_back(attempt);
  return attempts;
}

// Called by attempts as they end: it must not share their ownership, or the
// last reference could go in the attempt's own thread, which cannot join itself.
void Agent::CountSlots() {
  absl::MutexLock lock(&mutex_);
  int busy = 0;
  for (const auto& [key, attempt] : attempts_) busy += attempt->ended() ? 0 : attempt->slots();
  metrics_->SetSlots(context_.host.slots, busy);
}

std::vector<std::string> Agent::Problems() {
  std::vector<std::string> problems = ProblemsOf(RoomNeededBy(context_.dir));
  if (Ending()) problems.push_back("its agent is ending");
  return problems;
}

bool Agent::Ending() {
  absl::MutexLock lock(&mutex_);
  return shutting_down_;
}

v1::AgentHello Agent::Hello() {
  v1::AgentHello hello = hello_;
  std::map<AttemptKey, v1::AttemptRef> running;
  // In this order: an attempt that ends in between is in both, never in none.
  for (const auto& attempt : Attempts()) {
    if (!attempt->ended()) running[KeyOf(attempt->ref())] = attempt->ref();
  }
  for (const v1::AttemptRef& ref : outbox_.UnacknowledgedEnds()) running[KeyOf(ref)] = ref;
  for (const auto& [key, ref] : running) *hello.add_running() = ref;
  return hello;
}

void Agent::OnDisconnect() {
  if (health_ != nullptr) health_->SetReady(false);
}

void Agent::OnWelcome(const v1::AgentWelcome& welcome) {
  if (health_ != nullptr) health_->SetReady(true);
  for (const v1::AttemptRef& ref : welcome.unwanted()) {
    if (auto attempt = Find(KeyOf(ref))) {
      spdlog::warn("{} is not wanted any more; killing its ranks", ToString(ref));
      attempt->Abandon();
    }
  }
}

void Agent::OnStart(const v1::StartAttempt& start) {
  AbandonOlder(start.ref());
  std::vector<std::shared_ptr<Attempt>> swept;  // Destroyed outside the lock that they take.
  {
    absl::MutexLock lock(&mutex_);
    // The scheduler repeats itself when it cannot know that it was heard.
    if (shutting_down_ || attempts_.count(KeyOf(start.ref())) != 0) return;
    for (auto it = attempts_.begin(); it != attempts_.end();) {
      if (it->second->ended()) {
        swept.push_back(std::move(it->second));
        it = attempts_.erase(it);
      } else {
        ++it;
      }
    }
    attempts_[KeyOf(start.ref())] =
        std::make_shared<Attempt>(context_, start, [this] { CountSlots(); });
  }
  CountSlots();
}

// Two attempts of a job never write to its folder at once.
void Agent::AbandonOlder(const v1::AttemptRef& ref) {
  for (const auto& attempt : Attempts()) {
    const v1::AttemptRef& other = attempt->ref();
    if (other.job_id() == ref.job_id() && other.attempt() < ref.attempt() && !attempt->ended())
      attempt->Abandon();
  }
}

void Agent::OnStop(const v1::StopAttempt& stop) {
  if (auto attempt = Find(KeyOf(stop.ref()))) {
    spdlog::info("stopping {}: {}", ToString(stop.ref()), stop.reason());
    attempt->Stop(ToAbsl(stop.grace()));
  }
}

void Agent::OnRendezvous(const v1::RendezvousReady& ready) {
  if (auto attempt = Find(KeyOf(ready.ref()))) attempt->SetRendezvous(ready.endpoint());
}

void Agent::OnSignal(const v1::SignalAttempt& signal) {
  if (auto attempt = Find(KeyOf(signal.ref()))) attempt->Signal(signal.signal());
}

void Agent::OnInput(const v1::AttemptInput& input) {
  if (auto attempt = Find(KeyOf(input.ref()))) attempt->Input(input);
}

}  // namespace octet::agent
