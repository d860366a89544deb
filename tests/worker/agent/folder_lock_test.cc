#include "worker/agent/folder_lock.h"

#include <sys/stat.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/temp_folder.h"

namespace octet::agent {
namespace {

using ::testing::HasSubstr;

TEST(FolderLockTest, SecondOwnerIsRefusedUntilTheFirstIsGone) {
  TempFolder folder;
  auto first = FolderLock::Take(folder / "agent");
  ASSERT_TRUE(first.ok()) << first.status();
  auto second = FolderLock::Take(folder / "agent");
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(folder / "agent"));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(std::to_string(getpid())));
  first->reset();
  EXPECT_TRUE(FolderLock::Take(folder / "agent").ok());
}

TEST(FolderLockTest, MakesAFolderThatOnlyItsUserCanEnter) {
  TempFolder folder;
  ASSERT_TRUE(FolderLock::Take(folder / "agent").ok());
  struct stat info;
  ASSERT_EQ(stat((folder / "agent").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

}  // namespace
}  // namespace octet::agent
