#include "worker/isolation/job_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "common/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/temp_folder.h"

namespace octet::isolation {
namespace {

using ::testing::HasSubstr;
using enum absl::StatusCode;

class JobFolderTest : public ::testing::Test {
 protected:
  JobFolderTest() {
    Write("secret", "of another team");
    EXPECT_TRUE(MakeFolders(job_ + "/out").ok());
  }
  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteFileAtomic(folder_ / name, text).ok());
  }
  void Link(const std::string& target, const std::string& name) {
    ASSERT_EQ(symlink(target.c_str(), (job_ + "/" + name).c_str()), 0);
  }
  absl::StatusCode CodeOfOpening(const std::string& name) {
    return OpenInJob(job_, name).status().code();
  }

  TempFolder folder_;
  const std::string job_ = folder_ / "job";
};

TEST_F(JobFolderTest, OpensTheJobsOwnFiles) {
  Write("job/out/model.onnx", "weights");
  auto file = OpenInJob(job_, "out/model.onnx");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(*ReadFile(PathOf(*file)), "weights");
  EXPECT_EQ(CodeOfOpening("out/none"), kNotFound);
}

TEST_F(JobFolderTest, FollowsNoLinkAtTheEndOrOnTheWay) {
  Link(folder_ / "secret", "out/model.onnx");
  Link(folder_.path(), "up");
  Link("out", "same");
  Write("job/out/real", "own");
  EXPECT_EQ(CodeOfOpening("out/model.onnx"), kPermissionDenied);
  EXPECT_EQ(CodeOfOpening("up/secret"), kPermissionDenied);
  EXPECT_EQ(CodeOfOpening("same/real"), kPermissionDenied);
  EXPECT_EQ(CodeOfOpening("out/real"), kOk);
}

TEST_F(JobFolderTest, LeavesItByNoName) {
  for (const char* name : {"../secret", "out/../../secret", "/etc/passwd", "", "out//x", "./out"})
    EXPECT_EQ(CodeOfOpening(name), kInvalidArgument) << name;
}

TEST_F(JobFolderTest, AFifoDoesNotHoldTheAgent) {
  ASSERT_EQ(mkfifo((job_ + "/out/pipe").c_str(), 0600), 0);
  EXPECT_EQ(CodeOfOpening("out/pipe"), kPermissionDenied);
  EXPECT_EQ(CodeOfOpening("out"), kPermissionDenied);
}

TEST_F(JobFolderTest, WhatIsOpenStaysWhatItWas) {
  Write("job/out/model.onnx", "weights");
  auto file = OpenInJob(job_, "out/model.onnx");
  ASSERT_TRUE(file.ok());
  std::filesystem::remove(job_ + "/out/model.onnx");
  Link(folder_ / "secret", "out/model.onnx");
  EXPECT_EQ(*ReadFile(PathOf(*file)), "weights");
}

TEST_F(JobFolderTest, AFileThatIsHandedInReplacesALinkInsteadOfFollowingIt) {
  Write("part", "checkpoint");
  Link(folder_ / "secret", "out/step");
  ASSERT_TRUE(MoveIntoJob(folder_ / "part", job_, "out/step", std::nullopt).ok());
  EXPECT_EQ(*ReadFile(folder_ / "secret"), "of another team");
  EXPECT_EQ(*ReadFile(job_ + "/out/step"), "checkpoint");
}

TEST_F(JobFolderTest, AFileIsNotHandedInThroughALink) {
  Write("part", "checkpoint");
  Link(folder_.path(), "up");
  EXPECT_EQ(MoveIntoJob(folder_ / "part", job_, "up/secret", std::nullopt).code(),
            kPermissionDenied);
  EXPECT_EQ(*ReadFile(folder_ / "secret"), "of another team");
}

TEST_F(JobFolderTest, WhatIsHandedInIsTheOwnersWithItsFolders) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  Write("part", "checkpoint");
  const Account owner{"stranger", 54321, 54322, {}};
  ASSERT_TRUE(MakeOwnFolder(job_, owner).ok());
  ASSERT_TRUE(MoveIntoJob(folder_ / "part", job_, "new/deep/step", owner).ok());
  for (const char* name : {"", "/new", "/new/deep", "/new/deep/step"}) {
    struct stat info;
    ASSERT_EQ(stat((job_ + name).c_str(), &info), 0) << name;
    EXPECT_EQ(info.st_uid, owner.uid) << name;
    EXPECT_EQ(info.st_gid, owner.gid) << name;
  }
}

TEST_F(JobFolderTest, AnOwnFolderIsClosedToOthers) {
  ASSERT_TRUE(MakeOwnFolder(folder_ / "a/b/own", std::nullopt).ok());
  EXPECT_EQ(std::filesystem::status(folder_ / "a/b/own").permissions(),
            std::filesystem::perms::owner_all);
  Link(folder_.path(), "own");
  EXPECT_THAT(std::string(MakeOwnFolder(job_ + "/own", std::nullopt).message()),
              HasSubstr("symbolic link"));
}

}  // namespace
}  // namespace octet::isolation
