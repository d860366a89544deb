#include "worker/agent/node_metrics.h"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octet::agent {
namespace {

TEST(NodeMetricsTest, MemoryIsInBytes) {
  constexpr char kText[] = "MemTotal:       1000 kB\nMemFree:  10 kB\nMemAvailable:   500 kB\n";
  EXPECT_DOUBLE_EQ(MemoryBytes(kText, "MemTotal"), 1000 * 1024);
  EXPECT_DOUBLE_EQ(MemoryBytes(kText, "MemAvailable"), 500 * 1024);
  EXPECT_DOUBLE_EQ(MemoryBytes(kText, "Mem"), -1);
}

TEST(NodeMetricsTest, IdleTimeAndWaitsForDisksAreNotBusy) {
  const double tick = 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
  EXPECT_DOUBLE_EQ(BusySeconds("cpu  10 20 30 4000 5000 1 2 3 99 99\ncpu0 1 1 1 1 1 1 1 1\n"),
                   66 * tick);
  EXPECT_DOUBLE_EQ(BusySeconds("cpu 1 2\n"), -1);
  EXPECT_DOUBLE_EQ(BusySeconds(""), -1);
}

TEST(NodeMetricsTest, AFolderThatIsNotThereIsLeftOut) {
  std::vector<prometheus::MetricFamily> families;
  CollectNode("n1", "/no/such/folder", families);
  const auto has = [&](const std::string& name) {
    return std::any_of(families.begin(), families.end(),
                       [&](const auto& family) { return family.name == name; });
  };
  EXPECT_FALSE(has("octet_agent_disk_free_bytes"));
  EXPECT_TRUE(has("octet_agent_memory_size_bytes"));
}

}  // namespace
}  // namespace octet::agent
