#include "common/proc_stat.h"

#include <unistd.h>

#include <limits>

#include "gtest/gtest.h"

namespace octet {
namespace {

constexpr char kAfterTheName[] =
    " S 1 7 7 0 -1 4194560 100 0 0 0 250 50 9 9 20 0 1 0 5000 4096000 3 18446744073709551615\n";

TEST(ProcStatTest, ReadsTimesAndPages) {
  const auto stat = ParseProcStat(std::string("7 (octet)") + kAfterTheName);
  ASSERT_TRUE(stat.has_value());
  EXPECT_DOUBLE_EQ(stat->cpu_seconds, 300.0 / static_cast<double>(sysconf(_SC_CLK_TCK)));
  EXPECT_EQ(stat->resident_bytes, 3 * sysconf(_SC_PAGESIZE));
}

TEST(ProcStatTest, ANameMayHoldBlanksAndParentheses) {
  const auto stat = ParseProcStat(std::string("7 (a ) 1 (b) c)") + kAfterTheName);
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(stat->resident_bytes, 3 * sysconf(_SC_PAGESIZE));
}

TEST(ProcStatTest, WhatIsCutShortIsNothing) {
  EXPECT_FALSE(ParseProcStat("").has_value());
  EXPECT_FALSE(ParseProcStat("7 (octet) S 1 7").has_value());
}

TEST(ProcStatTest, ThisProcessIsThereAndAnImpossibleOneIsNot) {
  const auto self = ReadProcStat(getpid());
  ASSERT_TRUE(self.has_value());
  EXPECT_GT(self->resident_bytes, 0);
  EXPECT_FALSE(ReadProcStat(std::numeric_limits<pid_t>::max()).has_value());
}

}  // namespace
}  // namespace octet
