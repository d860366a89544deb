#include "worker/agent/command_env.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "worker/agent/slots.h"

namespace octet::agent {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

// Ranks 2 and 3 of 4, on slots 1 and 0 of the second of two nodes.
v1::StartAttempt Start() {
  v1::StartAttempt start;
  start.mutable_ref()->set_job_id("j7");
  start.mutable_ref()->set_attempt(3);
  start.set_stage("command");
  start.set_world_size(4);
  for (const int rank : {2, 3}) start.add_ranks(rank);
  for (const int slot : {1, 0}) start.add_slot_indices(slot);
  for (const char* endpoint : {"10.0.0.1:5000", "10.0.0.1:5001", "10.0.0.2:6000", "10.0.0.2:6001"})
    start.add_rank_endpoints(endpoint);
  start.set_array_index(-1);
  start.mutable_spec()->set_max_restarts(5);
  return start;
}

std::vector<std::map<std::string, std::string>> Environments(const v1::StartAttempt& start) {
  auto environments =
      CommandEnvironments(start, {"n2", "/programs", "unix:/agent/ranks.sock", CpuSlots(2)});
  EXPECT_TRUE(environments.ok()) << environments.status();
  return *std::move(environments);
}

TEST(CommandEnvTest, HasWhatTorchrunSets) {
  const auto env = Environments(Start())[1];
  const std::map<std::string, std::string> torch = {{"RANK", "3"},
                                                    {"WORLD_SIZE", "4"},
                                                    {"LOCAL_RANK", "1"},
                                                    {"LOCAL_WORLD_SIZE", "2"},
                                                    {"GROUP_RANK", "1"},
                                                    {"NODE_RANK", "1"},
                                                    {"GROUP_WORLD_SIZE", "2"},
                                                    {"ROLE_RANK", "3"},
                                                    {"ROLE_WORLD_SIZE", "4"},
                                                    {"ROLE_NAME", "default"},
                                                    {"MASTER_ADDR", "10.0.0.1"},
                                                    {"MASTER_PORT", "5000"},
                                                    {"TORCHELASTIC_RUN_ID", "j7"},
                                                    {"TORCHELASTIC_RESTART_COUNT", "2"},
                                                    {"TORCHELASTIC_MAX_RESTARTS", "5"},
                                                    {"TORCHELASTIC_USE_AGENT_STORE", "False"}};
  EXPECT_THAT(env, IsSupersetOf(torch));
}

TEST(CommandEnvTest, TensorFlowsConfigurationListsEveryWorkerAndTheRanksOwnIndex) {
  const auto config = nlohmann::json::parse(Environments(Start())[0].at("TF_CONFIG"));
  EXPECT_EQ(config, nlohmann::json::parse(R"({
    "cluster": {"worker": ["10.0.0.1:5000", "10.0.0.1:5001", "10.0.0.2:6000", "10.0.0.2:6001"]},
    "task": {"type": "worker", "index": 2}})"));
}

TEST(CommandEnvTest, HasWhatJaxTpuHostsAndMpiProgramsRead) {
  const auto env = Environments(Start())[0];
  const std::map<std::string, std::string> others = {{"JAX_COORDINATOR_ADDRESS", "10.0.0.1:5000"},
                                                     {"JAX_NUM_PROCESSES", "4"},
                                                     {"JAX_PROCESS_ID", "2"},
                                                     {"TPU_WORKER_ID", "1"},
                                                     {"TPU_WORKER_HOSTNAMES", "10.0.0.1,10.0.0.2"},
                                                     {"OMPI_COMM_WORLD_RANK", "2"},
                                                     {"OMPI_COMM_WORLD_SIZE", "4"},
                                                     {"OMPI_COMM_WORLD_LOCAL_RANK", "0"},
                                                     {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                                                     {"PMI_RANK", "2"},
                                                     {"PMI_SIZE", "4"}};
  EXPECT_THAT(env, IsSupersetOf(others));
}

TEST(CommandEnvTest, TheJobsOwnVariablesWinButForOctets) {
  v1::StartAttempt start = Start();
  auto& own = *start.mutable_spec()->mutable_command()->mutable_env();
  own["MASTER_PORT"] = "1234";
  own["COLOUR"] = "red";
  own["OCTET_JOB_ID"] = "j1";
  own["OCTET_AGENT"] = "";
  const auto env = Environments(start)[0];
  EXPECT_THAT(env, Contains(Pair("MASTER_PORT", "1234")));
  EXPECT_THAT(env, Contains(Pair("COLOUR", "red")));
  EXPECT_THAT(env, Contains(Pair("OCTET_JOB_ID", "j7")));
  EXPECT_THAT(env, Contains(Pair("OCTET_ATTEMPT", "3")));
  EXPECT_THAT(env, Contains(Pair("OCTET_NODE", "n2")));
  EXPECT_THAT(env, Contains(Pair("OCTET_AGENT", "unix:/agent/ranks.sock")));
}

TEST(CommandEnvTest, OnlyJobsOfAnArrayHaveAnIndex) {
  v1::StartAttempt start = Start();
  EXPECT_THAT(Environments(start)[0], Not(Contains(Key("OCTET_ARRAY_INDEX"))));
  start.set_array_index(0);
  EXPECT_THAT(Environments(start)[0], Contains(Pair("OCTET_ARRAY_INDEX", "0")));
}

TEST(CommandEnvTest, ARankSeesItsOwnGpuOnlyAndACpuRankNone) {
  v1::StartAttempt start = Start();
  EXPECT_THAT(Environments(start)[0], Contains(Pair("CUDA_VISIBLE_DEVICES", "")));
  EXPECT_THAT(Environments(start)[0], Contains(Pair("OMP_NUM_THREADS", "1")));
  std::vector<v1::Slot> gpus(2);
  for (v1::Slot& gpu : gpus) gpu.set_resource("gpu");
  gpus[1].set_uuid("GPU-b");
  const auto env = (*CommandEnvironments(start, {"n2", "", "", gpus}))[0];
  EXPECT_THAT(env, Contains(Pair("CUDA_VISIBLE_DEVICES", "GPU-b")));
  EXPECT_THAT(env, Not(Contains(Key("OMP_NUM_THREADS"))));
}

TEST(CommandEnvTest, HostsOfIpv6EndpointsHaveNoBrackets) {
  v1::StartAttempt start = Start();
  for (std::string& endpoint : *start.mutable_rank_endpoints()) endpoint = "[fe80::1]:77";
  const auto env = Environments(start)[0];
  EXPECT_THAT(env, Contains(Pair("MASTER_ADDR", "fe80::1")));
  EXPECT_THAT(env, Contains(Pair("JAX_COORDINATOR_ADDRESS", "[fe80::1]:77")));
}

TEST(CommandEnvTest, NodesAreToldByTheGangElseByTheirHosts) {
  v1::StartAttempt start = Start();
  EXPECT_THAT(FirstRanks(start), ElementsAre(0, 2));
  // Agents that share a host, as in tests.
  for (std::string& endpoint : *start.mutable_rank_endpoints()) endpoint = "127.0.0.1:77";
  EXPECT_THAT(FirstRanks(start), ElementsAre(0));
  start.mutable_spec()->mutable_command()->mutable_gang()->set_nodes(4);
  EXPECT_THAT(FirstRanks(start), ElementsAre(0, 1, 2, 3));
  start.set_single_node(true);
  EXPECT_THAT(FirstRanks(start), ElementsAre(0));
}

TEST(CommandEnvTest, RefusesEndpointsThatDoNotFit) {
  v1::StartAttempt start = Start();
  for (const char* bad : {"host", ":5000", "host:", ""}) {
    start.set_rank_endpoints(1, bad);
    EXPECT_EQ(CommandEnvironments(start, {"n2", "", "", CpuSlots(2)}).status().code(),
              absl::StatusCode::kInvalidArgument)
        << bad;
  }
  start.mutable_rank_endpoints()->RemoveLast();
  EXPECT_THAT(
      std::string(CommandEnvironments(start, {"n2", "", "", CpuSlots(2)}).status().message()),
      HasSubstr("3 endpoints for 4 ranks"));
}

}  // namespace
}  // namespace octet::agent
