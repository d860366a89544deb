#include "worker/isolation/account.h"

#include <sys/stat.h>

#include "common/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/temp_folder.h"

namespace octet::isolation {
namespace {

using ::testing::HasSubstr;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

TEST(AccountTest, ATeamWithoutItsOwnHasTheOneForAll) {
  auto map = AccountMap::Parse({"vision=daemon", "*=nobody"});
  ASSERT_TRUE(map.ok()) << map.status();
  EXPECT_EQ(map->Find("vision")->user, "daemon");
  EXPECT_EQ(map->Find("speech")->user, "nobody");
  EXPECT_EQ(AccountMap::Parse({"vision=daemon"})->Find("speech"), nullptr);
}

TEST(AccountTest, KnowsTheUsersNumbersAndGroups) {
  auto account = FindAccount("daemon");
  ASSERT_TRUE(account.ok()) << account.status();
  EXPECT_GT(account->uid, 0u);
  EXPECT_THAT(account->groups, ::testing::Contains(account->gid));
}

TEST(AccountTest, RefusesRootAndWhoIsNotThere) {
  EXPECT_THAT(Message(AccountMap::Parse({"vision=root"}).status()), HasSubstr("root"));
  EXPECT_EQ(AccountMap::Parse({"vision=no-such-user"}).status().code(),
            absl::StatusCode::kNotFound);
  for (const char* pair : {"vision", "=daemon"})
    EXPECT_EQ(AccountMap::Parse({pair}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(AccountTest, AFolderThatIsClosedOnTheWayIsNamed) {
  TempFolder folder;
  const Account stranger{"stranger", 54321, 54321, {}};
  ASSERT_TRUE(MakeFolders(folder / "a/b").ok());
  chmod((folder / "a").c_str(), 0711);
  chmod((folder / "a/b").c_str(), 0711);
  const absl::Status closed = CheckReach(stranger, folder / "a/b");
  EXPECT_THAT(Message(closed), HasSubstr(folder.path() + " is closed"));
  chmod(folder.path().c_str(), 0711);
  EXPECT_TRUE(CheckReach(stranger, folder / "a/b").ok());
  chmod((folder / "a").c_str(), 0710);
  EXPECT_FALSE(CheckReach(stranger, folder / "a/b").ok());
  struct stat info;
  ASSERT_EQ(stat(folder.path().c_str(), &info), 0);
  EXPECT_TRUE(CheckReach({"member", 54321, 54321, {info.st_gid}}, folder / "a/b").ok());
}

}  // namespace
}  // namespace octet::isolation
