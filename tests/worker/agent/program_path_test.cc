#include "worker/agent/program_path.h"

#include <filesystem>

#include "common/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/temp_folder.h"
#include "tests/worker/agent/scripts.h"

namespace octet::agent {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ProgramPathTest : public ::testing::Test {
 protected:
  ProgramPathTest() {
    WriteScript(folder_ / "first/here", "");
    WriteScript(folder_ / "second/here", "");
    WriteScript(folder_ / "second/later", "");
    EXPECT_TRUE(WriteFileAtomic(folder_ / "first/later", "data").ok());
    EXPECT_TRUE(WriteFileAtomic(folder_ / "first/data", "data").ok());
  }
  absl::StatusOr<std::string> Find(const std::string& name) {
    return FindProgram(name, folder_.path(), folder_ / "first" + ":" + folder_ / "second");
  }
  TempFolder folder_;
};

TEST_F(ProgramPathTest, TakesTheFirstExecutableInThePath) {
  EXPECT_EQ(*Find("here"), folder_ / "first/here");
  // One that cannot be run does not hide one that can.
  EXPECT_EQ(*Find("later"), folder_ / "second/later");
}

TEST_F(ProgramPathTest, ANameWithASlashIsAFileAsSeenFromTheWorkingFolder) {
  EXPECT_EQ(*Find("./first/here"), folder_.path() + "/./first/here");
  EXPECT_EQ(*Find(folder_ / "second/here"), folder_ / "second/here");
}

TEST_F(ProgramPathTest, AnEmptyFolderInThePathIsTheWorkingFolder) {
  EXPECT_EQ(*FindProgram("here", folder_ / "first", "/nowhere:"), folder_ / "first/here");
}

TEST_F(ProgramPathTest, SaysWhatIsNotThereAndWhereItLooked) {
  const absl::Status status = Find("absent").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("command not found: absent"), HasSubstr(folder_ / "second")));
  for (const char* name : {"", "./absent", "/nowhere/absent", "first/here/deeper"})
    EXPECT_EQ(Find(name).status().code(), absl::StatusCode::kNotFound) << name;
}

TEST_F(ProgramPathTest, SaysWhatIsThereButIsNoProgram) {
  for (const char* name : {"data", "./first/data", "./first"}) {
    const absl::Status status = Find(name).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << name;
    EXPECT_THAT(std::string(status.message()), HasSubstr("command not found: "));
  }
}

TEST_F(ProgramPathTest, SaysThatTheWorkingFolderIsNotThere) {
  const absl::Status status = FindProgram("sh", folder_ / "absent", "/bin").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr(folder_ / "absent"));
}

}  // namespace
}  // namespace octet::agent
