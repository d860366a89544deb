#include "scheduler/config/config.h"

#include "common/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/temp_folder.h"

namespace octet::scheduler {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ConfigTest : public ::testing::Test {
 protected:
  absl::StatusOr<CoreOptions> Load(const std::string& text) {
    const std::string path = folder_ / "cluster.yaml";
    EXPECT_TRUE(WriteFileAtomic(path, text).ok());
    return LoadConfig(path);
  }
  TempFolder folder_;
};

TEST_F(ConfigTest, ReadsTeamsAndPolicies) {
  const auto options = Load(R"(
teams:
  vision: {weight: 2, quota: {gpu: 16}, limit: {gpu: 32}}
  robots: {}
policies: [quota, priority, backfill]
fair_share_half_life: 12h
)");
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->teams.at("vision").weight, 2);
  EXPECT_EQ(options->teams.at("vision").quota.at("gpu"), 16);
  EXPECT_EQ(options->teams.at("vision").limit.at("gpu"), 32);
  EXPECT_EQ(options->teams.at("robots").weight, 1);
  EXPECT_THAT(options->policies, ElementsAre("quota", "priority", "backfill"));
  EXPECT_FALSE(options->resizes());
  EXPECT_EQ(options->fair_share_half_life, absl::Hours(12));
}

TEST_F(ConfigTest, NamesTheFileAndTheFieldThatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"teams: {a: {weight: 0}}", "teams.a.weight: 0 is not greater than 0"},
      {"teams: {a: {quota: {gpus: 1}}}", "teams.a.quota: there is no resource \"gpus\""},
      {"teams: {a: {limit: {gpu: -1}}}", "teams.a.limit.gpu: -1 is less than 0"},
      {"policies: [backfil]", "did you mean backfill?"},
      {"resize_interval: soon", "resize_interval: \"soon\" is not a time"},
      {"team: {}", "cluster.yaml:1:1"},
  };
  for (const auto& [text, message] : cases) {
    const absl::Status status = Load(text).status();
    EXPECT_THAT(std::string(status.message()), HasSubstr(message)) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("cluster.yaml")) << text;
  }
}

}  // namespace
}  // namespace octet::scheduler
