#include "worker/isolation/usage.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/temp_folder.h"
#include "worker/isolation/limit_watch.h"

namespace octet::isolation {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kMiB = 1 << 20;

// A child that has done something and then waits to be killed.
class Child {
 public:
  explicit Child(void (*act)()) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    pid_ = fork();
    if (pid_ == 0) {
      act();
      [[maybe_unused]] const ssize_t told = write(ends[1], "1", 1);
      for (;;) pause();
    }
    char byte;
    EXPECT_EQ(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    close(ends[1]);
  }
  ~Child() {
    kill(-pid_, SIGKILL);
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

char* Touch(size_t bytes, int flags) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) _exit(1);
  return static_cast<char*>(memset(memory, 1, bytes));
}

void WriteFile(const std::string& path, size_t bytes) {
  std::ofstream(path) << std::string(bytes, 'x');
}

TEST(UsageTest, DescendantsCountAndOthersDoNot) {
  const Child child([] {
    setpgid(0, 0);
    if (fork() == 0)
      for (;;) pause();
  });
  const auto below = ProcessesBelow(child.pid());
  EXPECT_EQ(below.size(), 1u);
  EXPECT_THAT(below, Not(Contains(child.pid())));
  EXPECT_THAT(ProcessesBelow(getpid()), Contains(child.pid()));
  EXPECT_THAT(ProcessesBelow(getpid()), Contains(below[0]));
}

TEST(UsageTest, MemoryIsWhatWasTouched) {
  const Child child([] { Touch(64 * kMiB, MAP_PRIVATE); });
  EXPECT_GE(MemoryOf({child.pid()}, 0), 64 * kMiB);
  EXPECT_LT(MemoryOf({child.pid()}, 0), 96 * kMiB);
  EXPECT_EQ(MemoryOf({}, 0), 0);
}

TEST(UsageTest, MemoryThatProcessesShareCountsOnceWhenItMatters) {
  const Child child([] {
    setpgid(0, 0);
    Touch(64 * kMiB, MAP_SHARED);
    for (int i = 0; i < 3; ++i) {
      if (fork() != 0) continue;
      for (;;) pause();
    }
  });
  auto processes = ProcessesBelow(child.pid());
  processes.push_back(child.pid());
  ASSERT_EQ(processes.size(), 4u);
  EXPECT_LT(MemoryOf(processes, 32 * kMiB), 100 * kMiB);
}

TEST(UsageTest, DiskIsWhatFilesTakeEachOnceWhateverItsNames) {
  TempFolder folder;
  ASSERT_EQ(mkdir((folder / "deep").c_str(), 0700), 0);
  WriteFile(folder / "deep/a", 4 * kMiB);
  ASSERT_EQ(link((folder / "deep/a").c_str(), (folder / "b").c_str()), 0);
  ASSERT_EQ(symlink("/usr", (folder / "usr").c_str()), 0);
  const DiskUsage usage = DiskOf({folder.path()});
  EXPECT_TRUE(usage.whole);
  EXPECT_GE(usage.bytes, 4 * kMiB);
  EXPECT_LT(usage.bytes, 5 * kMiB);
  EXPECT_EQ(DiskOf({folder / "none"}).bytes, 0);
}

TEST(UsageTest, AFileWithoutANameStillTakesItsRoom) {
  TempFolder folder;
  WriteFile(folder / "a", 4 * kMiB);
  const int fd = open((folder / "a").c_str(), O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(UnlinkedBytes({getpid()}, folder.path()), 0);
  ASSERT_EQ(unlink((folder / "a").c_str()), 0);
  EXPECT_GE(UnlinkedBytes({getpid()}, folder.path()), 4 * kMiB);
  close(fd);
  EXPECT_EQ(UnlinkedBytes({getpid()}, folder.path()), 0);
}

TEST(LimitWatchTest, SaysWhatIsUsedAndWhatTheLimitIs) {
  TempFolder folder;
  const Child child([] { Touch(64 * kMiB, MAP_PRIVATE); });
  LimitWatch roomy({.memory_bytes = int64_t{64} << 30, .disk_bytes = int64_t{64} << 30},
                   {folder.path()});
  EXPECT_FALSE(roomy.Look(getpid(), absl::ZeroDuration()).has_value());
  LimitWatch tight({.memory_bytes = 32 * kMiB}, {folder.path()});
  const auto breach = tight.Look(getpid(), absl::ZeroDuration());
  ASSERT_TRUE(breach.has_value());
  EXPECT_EQ(breach->kind, Breach::Kind::kMemory);
  EXPECT_THAT(breach->message, HasSubstr("its limit is 32 MiB"));
}

TEST(LimitWatchTest, LooksAtTheDiskOnceASecond) {
  TempFolder folder;
  LimitWatch watch({.disk_bytes = kMiB}, {folder.path()});
  EXPECT_FALSE(watch.Look(getpid(), absl::ZeroDuration()).has_value());
  WriteFile(folder / "a", 2 * kMiB);
  EXPECT_FALSE(watch.Look(getpid(), absl::Milliseconds(900)).has_value());
  const auto breach = watch.Look(getpid(), absl::Hours(1));
  ASSERT_TRUE(breach.has_value());
  EXPECT_EQ(breach->kind, Breach::Kind::kDisk);
  EXPECT_THAT(breach->message, HasSubstr("has written 2"));
}

TEST(LimitWatchTest, TooManyProcessesAreABreach) {
  const Child child([] {});
  LimitWatch watch({.processes = 0}, {"/nowhere"});
  EXPECT_EQ(watch.Look(getpid(), absl::ZeroDuration())->kind, Breach::Kind::kProcesses);
}

TEST(LimitWatchTest, WithoutLimitsThereIsNothingToLookAt) {
  EXPECT_EQ(LimitWatch({}, {}).interval(), absl::InfiniteDuration());
  EXPECT_LT(LimitWatch({.disk_bytes = 1}, {}).interval(), absl::Seconds(2));
}

}  // namespace
}  // namespace octet::isolation
