#include "worker/failure/node_watch.h"

#include <filesystem>

#include "common/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/temp_folder.h"

namespace octet::failure {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A machine as its files show it.
class NodeWatchTest : public testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ / path).parent_path());
    ASSERT_TRUE(WriteFileAtomic(root_ / path, text).ok());
  }
  void WriteSegments(int sent, int again) {
    Write("proc/net/snmp", "Ip: Forwarding\nIp: 1\nTcp: RtoAlgorithm OutSegs RetransSegs\nTcp: 1 " +
                               std::to_string(sent) + " " + std::to_string(again) + "\n");
  }
  TempFolder root_;
};

TEST_F(NodeWatchTest, CountsTheKillsOfItsCgroup) {
  Write("proc/self/cgroup", "0::/octet/agent\n");
  Write("sys/fs/cgroup/octet/agent/memory.events", "low 0\noom 3\noom_kill 2\n");
  const NodeWatch watch(root_.path());
  EXPECT_EQ(watch.Collect({}).oom_kills, 0);
  Write("sys/fs/cgroup/octet/agent/memory.events", "low 0\noom 9\noom_kill 5\n");
  EXPECT_EQ(watch.Collect({}).oom_kills, 3);
}

TEST_F(NodeWatchTest, ReadsTheOlderCgroupsToo) {
  Write("proc/self/cgroup", "9:cpu,cpuacct:/\n4:memory:/box/7\n0::/\n");
  Write("sys/fs/cgroup/memory/box/7/memory.oom_control", "under_oom 0\noom_kill 1\n");
  const NodeWatch watch(root_.path());
  Write("sys/fs/cgroup/memory/box/7/memory.oom_control", "under_oom 0\noom_kill 2\n");
  EXPECT_EQ(watch.Collect({}).oom_kills, 1);
}

TEST_F(NodeWatchTest, TakesTheTopWhereTheCgroupsPathIsTheHosts) {
  Write("proc/self/cgroup", "0::/kubepods/pod1\n");
  Write("sys/fs/cgroup/memory.events", "oom_kill 0\n");
  const NodeWatch watch(root_.path());
  Write("sys/fs/cgroup/memory.events", "oom_kill 1\n");
  EXPECT_EQ(watch.Collect({}).oom_kills, 1);
}

TEST_F(NodeWatchTest, NoEvidenceIsNotEvidence) {
  const NodeFacts facts = NodeWatch(root_.path()).Collect({root_ / "absent"});
  EXPECT_EQ(facts.oom_kills, 0);
  EXPECT_EQ(facts.retransmitted, 0);
  EXPECT_EQ(facts.disk_free_bytes, NodeFacts().disk_free_bytes);
  EXPECT_THAT(facts.kernel_log, IsEmpty());
}

TEST_F(NodeWatchTest, SharesOfFewSegmentsSayNothing) {
  WriteSegments(5000, 10);
  const NodeWatch watch(root_.path());
  WriteSegments(5999, 500);
  EXPECT_EQ(watch.Collect({}).retransmitted, 0);
  WriteSegments(6000, 260);
  EXPECT_DOUBLE_EQ(watch.Collect({}).retransmitted, 0.25);
}

TEST_F(NodeWatchTest, KnowsTheRoomWhereTheJobWrites) {
  const int64_t room = NodeWatch().Collect({root_.path()}).disk_free_bytes;
  EXPECT_GT(room, 0);
  EXPECT_LT(room, NodeFacts().disk_free_bytes);
}

TEST_F(NodeWatchTest, KeepsOnlyTellingLinesOfItsTime) {
  Write("dev/kmsg",
        "3,77,9000000000000,-;Memory cgroup out of memory: Killed process 9 (python3)\n KEY=v\n");
  EXPECT_THAT(NodeWatch(root_.path()).Collect({}).kernel_log,
              ElementsAre("Memory cgroup out of memory: Killed process 9 (python3)"));
  const absl::Duration since = absl::Seconds(10);
  EXPECT_EQ(TellingLine("3,1,10000000,-;NVRM: Xid (PCI:0000:17:00): 79\n", since),
            "NVRM: Xid (PCI:0000:17:00): 79");
  EXPECT_EQ(TellingLine("3,1,9999999,-;NVRM: Xid (PCI:0000:17:00): 79\n", since), "");
  EXPECT_EQ(TellingLine("6,2,20000000,-;eth0: renamed\n", since), "");
  EXPECT_EQ(TellingLine("no record", since), "");
}

}  // namespace
}  // namespace octet::failure
