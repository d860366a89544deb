// The server around the services: health, metrics, its folder.
#include "scheduler/server/server.h"

#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "scheduler/server/metrics.h"
#include "tests/identity/test_authority.h"
#include "tests/scheduler/server/any_call.h"
#include "tests/scheduler/server/cluster.h"

namespace octet::scheduler {
namespace {

using ::testing::HasSubstr;

TEST(ServerTest, IsHealthy) {
  TestCluster cluster;
  // HealthCheckResponse{status: SERVING} in protobuf's wire format.
  EXPECT_EQ(Ask(cluster.channel(), "/grpc.health.v1.Health/Check", "").bytes, "\x08\x01");
}

TEST(ServerTest, OnlyItsUserCanOpenTheSocket) {
  TestCluster cluster;
  struct stat info;
  ASSERT_EQ(stat((cluster.options().dir + "/scheduler.sock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(ServerTest, ASecondOneInTheFolderIsRefused) {
  TestCluster cluster;
  const auto second = Server::Start(cluster.options());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
}

TEST(ServerTest, APortInUseIsRefusedByName) {
  TempDir one, two, tls;
  TestAuthority().WriteTo(tls.path());
  const auto first =
      Server::Start({.dir = one.path(), .listen = {"127.0.0.1:0"}, .tls = tls.path()});
  ASSERT_TRUE(first.ok()) << first.status();
  const std::string address = (*first)->addresses().front();
  EXPECT_NE(address, "127.0.0.1:0");
  const auto second = Server::Start({.dir = two.path(), .listen = {address}, .tls = tls.path()});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(address));
}

TEST(ServerTest, AnUnknownCatalogIsRefused) {
  TempDir dir;
  const auto server = Server::Start({.dir = dir.path(), .catalog = dir.path() + "/none"});
  EXPECT_EQ(server.status().code(), absl::StatusCode::kNotFound);
}

TEST(ServerTest, ProbesAskAHealthServiceWithoutTls) {
  TempDir dir;
  const auto server = Server::Start({.dir = dir.path(), .health = "127.0.0.1:0"});
  ASSERT_TRUE(server.ok()) << server.status();
  const auto channel =
      grpc::CreateChannel((*server)->health_address(), grpc::InsecureChannelCredentials());
  EXPECT_EQ(Ask(channel, "/grpc.health.v1.Health/Check", "").bytes, "\x08\x01");
  EXPECT_EQ(Ask(channel, "/octet.v1.JobService/ListJobs", "").status.error_code(),
            grpc::UNIMPLEMENTED)
      << "nothing else is served there";
}

TEST(MetricsEndpointTest, APortInUseIsRefusedByName) {
  const auto metrics = std::make_shared<Metrics>();
  const auto first = MetricsEndpoint::Start("127.0.0.1:0", metrics);
  ASSERT_TRUE(first.ok()) << first.status();
  const std::string address = (*first)->address();
  EXPECT_NE(address, "127.0.0.1:0");
  const auto second = MetricsEndpoint::Start(address, metrics);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(address));
}

}  // namespace
}  // namespace octet::scheduler
