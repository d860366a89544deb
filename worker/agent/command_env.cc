#include "worker/agent/command_env.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "nlohmann/json.hpp"
#include "worker/agent/attempt_ref.h"

namespace octet::agent {
namespace {

using Environment = std::map<std::string, std::string>;

// Without the brackets that an IPv6 address needs beside a port only.
std::string HostOf(absl::string_view endpoint) {
  absl::string_view host = endpoint.substr(0, endpoint.rfind(':'));
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  return std::string(host);
}

std::string PortOf(absl::string_view endpoint) {
  return std::string(endpoint.substr(endpoint.rfind(':') + 1));
}

absl::Status CheckEndpoints(const v1::StartAttempt& start) {
  if (start.rank_endpoints_size() != start.world_size())
    return absl::InvalidArgumentError(absl::StrCat(ToString(start.ref()), " has ",
                                                   start.rank_endpoints_size(), " endpoints for ",
                                                   start.world_size(), " ranks"));
  for (const std::string& endpoint : start.rank_endpoints()) {
    if (HostOf(endpoint).empty() || PortOf(endpoint).empty() ||
        endpoint.find(':') == std::string::npos)
      return absl::InvalidArgumentError(
          absl::StrCat(ToString(start.ref()), ": \"", endpoint, "\" is not host:port"));
  }
  return absl::OkStatus();
}

// The same for every rank here.
Environment CommonEnvironment(const v1::StartAttempt& start) {
  const std::vector<int> firsts = FirstRanks(start);
  const auto mine = std::upper_bound(firsts.begin(), firsts.end(), start.ranks(0));
  const std::string node_rank = absl::StrCat(std::max<long>(mine - firsts.begin() - 1, 0));
  const std::string nodes = absl::StrCat(firsts.size());
  const std::string world = absl::StrCat(start.world_size());
  const std::string here = absl::StrCat(start.ranks_size());
  const std::string& zero = start.rank_endpoints(0);
  std::vector<std::string> hosts;
  for (const int rank : firsts) hosts.push_back(HostOf(start.rank_endpoints(rank)));
  return {
      {"WORLD_SIZE", world},
      {"LOCAL_WORLD_SIZE", here},
      {"GROUP_RANK", node_rank},
      {"NODE_RANK", node_rank},
      {"GROUP_WORLD_SIZE", nodes},
      {"ROLE_NAME", "default"},
      {"ROLE_WORLD_SIZE", world},
      {"MASTER_ADDR", HostOf(zero)},
      {"MASTER_PORT", PortOf(zero)},
      {"TORCHELASTIC_RUN_ID", start.ref().job_id()},
      {"TORCHELASTIC_RESTART_COUNT", absl::StrCat(std::max(start.ref().attempt() - 1, 0))},
      {"TORCHELASTIC_MAX_RESTARTS", absl::StrCat(start.spec().max_restarts())},
      // Rank 0 opens the store itself; there is no torchrun that has one.
      {"TORCHELASTIC_USE_AGENT_STORE", "False"},
      {"JAX_COORDINATOR_ADDRESS", zero},
      {"JAX_NUM_PROCESSES", world},
      {"TPU_WORKER_ID", node_rank},
      {"TPU_WORKER_HOSTNAMES", absl::StrJoin(hosts, ",")},
      {"OMPI_COMM_WORLD_SIZE", world},
      {"OMPI_COMM_WORLD_LOCAL_SIZE", here},
      {"PMI_SIZE", world},
  };
}

std::string TfConfig(const v1::StartAttempt& start, int rank) {
  const std::vector<std::string> workers(start.rank_endpoints().begin(),
                                         start.rank_endpoints().end());
  return nlohmann::json{{"cluster", {{"worker", workers}}},
                        {"task", {{"type", "worker"}, {"index", rank}}}}
      .dump();
}

void AddRank(const v1::StartAttempt& start, int local_rank, const v1::Slot& slot,
             Environment& env) {
  const std::string rank = absl::StrCat(start.ranks(local_rank));
  for (const char* name :
       {"RANK", "ROLE_RANK", "JAX_PROCESS_ID", "OMPI_COMM_WORLD_RANK", "PMI_RANK"})
    env[name] = rank;
  for (const char* name : {"LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK"})
    env[name] = absl::StrCat(local_rank);
  env["TF_CONFIG"] = TfConfig(start, start.ranks(local_rank));
  // By UUID: CUDA numbers GPUs by speed, NVML by bus.
  env["CUDA_VISIBLE_DEVICES"] = slot.uuid();
  // A CPU slot is a core; without this each rank would take them all.
  if (slot.resource() == "cpu") env.emplace("OMP_NUM_THREADS", "1");
}

}  // namespace

std::vector<int> FirstRanks(const v1::StartAttempt& start) {
  std::vector<int> firsts = {0};
  if (start.single_node()) return firsts;
  const int nodes = start.spec().command().gang().nodes();
  const int each = nodes > 0 ? start.world_size() / nodes : 0;
  for (int rank = 1; rank < start.world_size(); ++rank) {
    const bool next =
        each > 0 ? rank % each == 0
                 : HostOf(start.rank_endpoints(rank)) != HostOf(start.rank_endpoints(rank - 1));
    if (next) firsts.push_back(rank);
  }
  return firsts;
}

absl::StatusOr<std::vector<Environment>> CommandEnvironments(const v1::StartAttempt& start,
                                                             const RankHost& host) {
  if (absl::Status status = CheckEndpoints(start); !status.ok()) return status;
  const Environment common = CommonEnvironment(start);
  std::vector<Environment> environments;
  for (int i = 0; i < start.ranks_size(); ++i) {
    Environment& env = environments.emplace_back(common);
    AddRank(start, i, host.slots[start.slot_indices(i)], env);
    for (const auto& [name, value] : start.spec().command().env()) env[name] = value;
    env["OCTET_JOB_ID"] = start.ref().job_id();
    env["OCTET_ATTEMPT"] = absl::StrCat(start.ref().attempt());
    env["OCTET_NODE"] = host.node;
    env[kAgentVariable] = host.rank_address;
    if (start.array_index() >= 0) env["OCTET_ARRAY_INDEX"] = absl::StrCat(start.array_index());
  }
  return environments;
}

}  // namespace octet::agent
