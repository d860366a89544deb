#include "worker/isolation/cgroup.h"

#include <sys/wait.h>
#include <unistd.h>

#include "common/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/temp_folder.h"

namespace octet::isolation {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

constexpr char kMounts[] =
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
    "34 31 0:31 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
    "35 31 0:32 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n";

class CgroupTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) {
    ASSERT_TRUE(WriteFileAtomic(root_ / path, text).ok());
  }
  TempFolder root_;
};

TEST_F(CgroupTest, FindsItsOwnGroup) {
  EXPECT_EQ(OwnCgroup(root_.path()), "");
  Write("proc/self/mountinfo", kMounts);
  Write("proc/self/cgroup", "4:memory:/a\n0::/system.slice/octet-agent.service\n");
  EXPECT_EQ(OwnCgroup(root_.path()), "/sys/fs/cgroup/unified/system.slice/octet-agent.service");
  Write("proc/self/cgroup", "0::/\n");
  EXPECT_EQ(OwnCgroup(root_.path()), "/sys/fs/cgroup/unified");
}

TEST_F(CgroupTest, AContainersLimitIsTheMachinesMemory) {
  Write("proc/meminfo", "MemTotal:       1048576 kB\nMemFree: 1 kB\n");
  EXPECT_EQ(MemoryOfMachine(root_.path()), int64_t{1} << 30);
  Write("proc/self/mountinfo", kMounts);
  Write("proc/self/cgroup", "4:memory:/old\n0::/new\n");
  Write("sys/fs/cgroup/unified/new/memory.max", "max\n");
  EXPECT_EQ(MemoryOfMachine(root_.path()), int64_t{1} << 30);
  Write("sys/fs/cgroup/unified/new/memory.max", "4194304\n");
  EXPECT_EQ(MemoryOfMachine(root_.path()), 4194304);
  Write("sys/fs/cgroup/memory/old/memory.limit_in_bytes", "2097152\n");
  EXPECT_EQ(MemoryOfMachine(root_.path()), 2097152);
}

TEST_F(CgroupTest, AJobDiesAsAWholeAndDoesNotSwap) {
  const auto settings =
      CgroupSettings({.memory_bytes = 1 << 30, .disk_bytes = 5, .processes = 100}, 8);
  EXPECT_THAT(settings, Contains(CgroupSetting{"memory.max", "1073741824"}));
  EXPECT_THAT(settings, Contains(CgroupSetting{"memory.oom.group", "1", false}));
  EXPECT_THAT(settings, Contains(CgroupSetting{"memory.swap.max", "0", false}));
  EXPECT_THAT(settings, Contains(CgroupSetting{"pids.max", "100"}));
  EXPECT_THAT(settings, Contains(CgroupSetting{"cpu.weight", "800", false}));
}

TEST_F(CgroupTest, WithoutALimitThereIsNone) {
  const auto settings = CgroupSettings({}, 1000);
  EXPECT_THAT(settings, Contains(CgroupSetting{"memory.max", "max"}));
  EXPECT_THAT(settings, Contains(CgroupSetting{"pids.max", "max"}));
  EXPECT_THAT(settings, Contains(CgroupSetting{"cpu.weight", "10000", false}));
}

TEST_F(CgroupTest, TakesOverOnlyWhatCanHoldItsJobs) {
  Write("group/cgroup.controllers", "cpuset pids\n");
  const auto taken = CgroupFolder::TakeOver(root_ / "group");
  EXPECT_EQ(taken.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(taken.status().message()), HasSubstr("no memory controller"));
}

TEST_F(CgroupTest, AGroupHoldsWhoEntersItAndDiesWithItsOwner) {
  auto folder = CgroupFolder::TakeOver("");
  if (!folder.ok()) GTEST_SKIP() << folder.status();
  auto group = folder->Make("test", {.memory_bytes = 64 << 20, .processes = 50}, 1);
  ASSERT_TRUE(group.ok()) << group.status();
  const pid_t child = fork();
  if (child == 0) {
    if (write((*group)->procs_fd(), "0", 1) != 1) _exit(1);
    for (;;) pause();
  }
  group->reset();
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 1);
}

}  // namespace
}  // namespace octet::isolation
