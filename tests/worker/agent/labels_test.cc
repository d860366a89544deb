#include "worker/agent/labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace octet::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(LabelsTest, ReadsPlainAndQuotedValues) {
  const auto labels = ParseLabels("switch=leaf-3\nzone=\"a \\\"b\\\"\\n\"\nempty=\n");
  ASSERT_TRUE(labels.ok()) << labels.status();
  EXPECT_THAT(*labels,
              ElementsAre(Pair("empty", ""), Pair("switch", "leaf-3"), Pair("zone", "a \"b\"\n")));
}

TEST(LabelsTest, LeavesOutEmptyLinesAndComments) {
  const auto labels = ParseLabels("\n# switch=leaf-1\n  \n  rack=r=7  \r\n");
  ASSERT_TRUE(labels.ok()) << labels.status();
  EXPECT_THAT(*labels, ElementsAre(Pair("rack", "r=7")));
  EXPECT_THAT(ParseLabels("").value(), IsEmpty());
}

TEST(LabelsTest, NamesTheLineThatIsNoLabel) {
  for (const char* line : {"leaf-3", "=leaf-3", "switch=\"leaf", "switch=\"", "switch=\"\\q\""}) {
    const auto labels = ParseLabels(std::string("rack=r7\n") + line + "\n");
    EXPECT_EQ(labels.status().code(), absl::StatusCode::kInvalidArgument) << line;
    EXPECT_THAT(labels.status().ToString(), HasSubstr("line 2")) << line;
  }
}

}  // namespace
}  // namespace octet::agent
