// Failures as they really happen, of processes that are made to fail.
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/files.h"
#include "common/process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/temp_folder.h"
#include "worker/failure/classifier.h"
#include "worker/failure/node_watch.h"

namespace octet::failure {
namespace {

class InjectedTest : public testing::Test {
 protected:
  // What becomes of `sh -c script`, which writes to `folder`.
  Diagnosis Run(const std::string& script, const std::string& folder = "/") {
    const NodeWatch watch;
    const std::string log = folder_ / "stderr";
    auto process = Process::Spawn({.argv = {"/bin/sh", "-c", script},
                                   .cwd = folder_.path(),
                                   .out = ChildOutput::File("/dev/null"),
                                   .err = ChildOutput::File(log)});
    EXPECT_TRUE(process.ok()) << process.status();
    if (!process.ok()) return {};
    const ExitStatus exit = (*process)->Wait();
    Evidence evidence{.is_command = true, .exit_code = exit.exit_code, .signal = exit.signal};
    const std::string said = ReadFile(log).value_or("");
    evidence.stderr_tail = absl::StrSplit(absl::StripSuffix(said, "\n"), '\n');
    evidence.node = watch.Collect({folder});
    const Diagnosis diagnosis = Classify(evidence);
    RecordProperty("why", Explain(diagnosis));
    return diagnosis;
  }
  TempFolder folder_;
};

TEST_F(InjectedTest, Crashes) {
  for (const char* name : {"SEGV", "ABRT", "ILL", "FPE"})
    EXPECT_EQ(Run(absl::StrCat("kill -", name, " $$")).cause, Cause::kCrash) << name;
  EXPECT_EQ(Run("sh -c 'kill -SEGV $$'; exit $?").cause, Cause::kCrash);
}

TEST_F(InjectedTest, AKillFromOutsideIsNotOutOfMemory) {
  EXPECT_EQ(Run("kill -KILL $$").cause, Cause::kKilled);
  EXPECT_EQ(Run("sh -c 'kill -KILL $$'; exit $?").cause, Cause::kKilled);
}

TEST_F(InjectedTest, AnAddressSpaceTooSmall) {
  EXPECT_EQ(Run("ulimit -v 100000; exec tail /dev/zero").cause, Cause::kOutOfMemory);
}

TEST_F(InjectedTest, AnOomKill) {
  const std::string group = absl::StrCat("/sys/fs/cgroup/memory/octet-test-", getpid());
  std::error_code error;
  if (!std::filesystem::create_directory(group, error)) GTEST_SKIP() << "no cgroup to make";
  const Diagnosis diagnosis =
      Run(absl::StrCat("echo 20000000 > ", group, "/memory.limit_in_bytes && echo $$ > ", group,
                       "/cgroup.procs && exec tail /dev/zero"));
  EXPECT_EQ(diagnosis.cause, Cause::kOutOfMemory) << Explain(diagnosis);
  rmdir(group.c_str());
}

TEST_F(InjectedTest, AFullDisk) {
  EXPECT_EQ(Run("exec dd if=/dev/zero of=/dev/full count=1").cause, Cause::kDiskFull);
  EXPECT_EQ(Run("exec cat /proc/version > /dev/full").cause, Cause::kDiskFull);
}

TEST_F(InjectedTest, AFileBeyondItsLimit) {
  EXPECT_EQ(Run("ulimit -f 1; exec head -c 100000 /dev/zero > big").cause, Cause::kOverLimit);
  EXPECT_EQ(Run("ulimit -f 1; trap '' XFSZ; exec head -c 100000 /dev/zero > big").cause,
            Cause::kOverLimit);
}

TEST_F(InjectedTest, AFullDiskWithoutAWord) {
  const std::string disk = folder_ / "disk";
  std::filesystem::create_directory(disk);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=64k") != 0)
    GTEST_SKIP() << "only root can mount";
  EXPECT_EQ(Run("head -c 1000000 /dev/zero > disk/big 2> /dev/null; exit 3", disk).cause,
            Cause::kDiskFull);
  umount(disk.c_str());
}

TEST_F(InjectedTest, WrongCommands) {
  ASSERT_TRUE(WriteFileAtomic(folder_ / "notes", "no program\n").ok());
  for (const char* script : {"trian --epochs 3", "./notes", "exec ./absent", "/etc", "if then"})
    EXPECT_EQ(Run(script).cause, Cause::kWrongCommand) << script;
}

TEST_F(InjectedTest, AnyOtherEndIsTheProgramsOwn) {
  EXPECT_EQ(Run("echo something is wrong >&2; exit 3").cause, Cause::kProgramError);
}

}  // namespace
}  // namespace octet::failure
