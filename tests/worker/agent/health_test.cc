#include "worker/agent/health.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octet::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kMoreThanThereIs = std::numeric_limits<int64_t>::max();

TEST(HealthTest, AFolderWithRoomIsNoProblem) { EXPECT_THAT(ProblemsOf({{"/tmp", 1}}), IsEmpty()); }

TEST(HealthTest, TooLittleRoomIsNamedWithItsFolder) {
  EXPECT_THAT(ProblemsOf({{"/tmp", kMoreThanThereIs}, {"/tmp", 1}}),
              ElementsAre(HasSubstr("/tmp has less than")));
}

TEST(HealthTest, WhatCannotBeReadIsNamed) {
  EXPECT_THAT(ProblemsOf({{"/proc/self/status/x", 0}}),
              ElementsAre(HasSubstr("/proc/self/status/x cannot be read: Not a directory")));
}

TEST(HealthTest, WhatDoesNotExistIsNotMissed) {
  EXPECT_THAT(ProblemsOf({{"/no/such/folder", 1}}), IsEmpty());
}

TEST(HealthTest, AnAgentLooksAtItsOwnFolder) {
  const std::vector<RoomNeeded> needed = RoomNeededBy("/data/agent");
  ASSERT_FALSE(needed.empty());
  EXPECT_EQ(needed[0].folder, "/data/agent");
  EXPECT_GT(needed[0].bytes, 0);
}

}  // namespace
}  // namespace octet::agent
