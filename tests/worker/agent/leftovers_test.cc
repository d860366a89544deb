#include "worker/agent/leftovers.h"

#include <signal.h>

#include "absl/strings/str_cat.h"
#include "common/process.h"
#include "gtest/gtest.h"
#include "tests/common/temp_folder.h"
#include "tests/worker/agent/wait.h"

namespace octet::agent {
namespace {

std::unique_ptr<Process> Sleeper(const std::string& mark) {
  ProcessOptions options;
  options.argv = {"/bin/sleep", "1000"};
  options.env = {{"OCTET_TEST_MARK", mark}};
  auto process = Process::Spawn(options);
  EXPECT_TRUE(process.ok()) << process.status();
  return *std::move(process);
}

TEST(LeftoversTest, KillsWhatHasTheMarkAndNothingElse) {
  const std::string mark = absl::StrCat("of-", getpid());
  auto marked = Sleeper(mark), other = Sleeper(mark + "0"), prefix = Sleeper("of-");
  KillMarked({{"OCTET_TEST_MARK", mark}});
  KillMarked({{"OCTET_TEST_MARK", mark + "0"}, {"OCTET_TEST_MARK_TOO", ""}});
  EXPECT_EQ(marked->Poll(), ExitStatus{.signal = SIGKILL});
  EXPECT_EQ(other->Poll(), std::nullopt);
  EXPECT_EQ(prefix->Poll(), std::nullopt);
}

TEST(LeftoversTest, KillsChildrenOfTheMarkedToo) {
  TempFolder folder;
  ProcessOptions options;
  options.argv = {"/bin/sh", "-c", "setsid sleep 1000 & echo $! > child; wait"};
  options.env = {{"OCTET_TEST_MARK", folder.path()}};
  options.cwd = folder.path();
  auto process = Process::Spawn(options);
  ASSERT_TRUE(process.ok()) << process.status();
  ASSERT_TRUE(WaitUntil([&] { return ReadPid(folder / "child") > 0; }));
  KillMarked({{"OCTET_TEST_MARK", folder.path()}});
  EXPECT_EQ((*process)->Poll(), ExitStatus{.signal = SIGKILL});
  EXPECT_TRUE(IsGone(ReadPid(folder / "child")));
}

}  // namespace
}  // namespace octet::agent
