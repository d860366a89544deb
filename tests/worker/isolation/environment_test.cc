#include "worker/isolation/environment.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octet::isolation {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

Environment Clean(std::vector<std::string> entries, const std::vector<std::string>& pass = {}) {
  std::vector<char*> environment;
  for (std::string& entry : entries) environment.push_back(entry.data());
  environment.push_back(nullptr);
  return CleanEnvironment(environment.data(), pass);
}

TEST(EnvironmentTest, SecretsOfTheAgentStayWithIt) {
  EXPECT_THAT(Clean({"PATH=/bin", "AWS_SECRET_ACCESS_KEY=x", "OCTET_TOKEN=y", "PATHOLOGY=z",
                     "https_proxy=http://user:password@host", "HOME=/root", "SSH_AUTH_SOCK=/s",
                     "LD_PRELOAD=/x.so"}),
              ElementsAre(Pair("PATH", "/bin")));
}

TEST(EnvironmentTest, HowTheMachineIsUsedIsForJobs) {
  EXPECT_THAT(Clean({"NCCL_SOCKET_IFNAME=eth0", "LC_ALL=C.UTF-8", "CUDA_HOME=/usr/local/cuda"}),
              ElementsAre(Pair("CUDA_HOME", "/usr/local/cuda"), Pair("LC_ALL", "C.UTF-8"),
                          Pair("NCCL_SOCKET_IFNAME", "eth0")));
}

TEST(EnvironmentTest, TheOperatorNamesMore) {
  EXPECT_THAT(Clean({"HF_HOME=/data/hf=x", "OTHER=1", "broken"}, {"HF_HOME"}),
              ElementsAre(Pair("HF_HOME", "/data/hf=x")));
}

}  // namespace
}  // namespace octet::isolation
