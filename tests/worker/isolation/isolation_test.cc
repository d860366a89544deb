#include "worker/isolation/isolation.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/temp_folder.h"
#include "tests/worker/isolation/enclosed.h"
#include "worker/isolation/landlock.h"

namespace octet::isolation {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using enum absl::StatusCode;

bool IsRoot() { return geteuid() == 0; }
std::string Message(const absl::Status& status) { return std::string(status.message()); }

// A node with two jobs: j1 is the culprit's, j2 the neighbour's. As root their
// teams have accounts; else both are this user.
class IsolationTest : public ::testing::Test {
 protected:
  IsolationTest() {
    chmod(folder_.path().c_str(), 0711);
    options_.mode = Mode::kStandard;
    options_.agent_dir = folder_ / "agent";
    options_.program_dir = "/usr/lib/octet";
    options_.cgroup = "none";
    options_.memory_per_slot = int64_t{1} << 30;
    options_.disk_per_slot = int64_t{1} << 20;
    EXPECT_TRUE(MakeFolders(options_.agent_dir, 0700).ok());
    if (IsRoot()) options_.accounts = {"red=daemon", "*=nobody"};
  }

  std::unique_ptr<Isolation> Node() {
    auto isolation = Isolation::Create(options_);
    EXPECT_TRUE(isolation.ok()) << isolation.status();
    return *std::move(isolation);
  }
  Tenant TenantOf(const std::string& job, const std::string& team) {
    Tenant tenant{.name = job + "-1", .team = team};
    tenant.job_dir = absl::StrCat(options_.agent_dir, "/jobs/", job);
    tenant.attempt_dir = absl::StrCat(options_.agent_dir, "/attempts/", job, "/1");
    tenant.write_files = {tenant.attempt_dir + "/rank-0.stdout"};
    return tenant;
  }
  std::unique_ptr<Enclosure> Enclose(const Isolation& node, const Tenant& tenant) {
    auto enclosure = node.Enclose(tenant);
    EXPECT_TRUE(enclosure.ok()) << enclosure.status();
    return *std::move(enclosure);
  }
  // By the culprit, on a node with a neighbour that has a secret.
  ScriptEnd Try(const std::string& script) {
    const auto node = Node();
    const Tenant culprit = TenantOf("j1", "red"), neighbour = TenantOf("j2", "blue");
    const auto first = Enclose(*node, culprit), second = Enclose(*node, neighbour);
    const ScriptEnd secret =
        RunEnclosed(*second, neighbour.job_dir, folder_ / "log", "echo hidden > secret");
    EXPECT_EQ(secret.exit_code, 0) << secret.out;
    return RunEnclosed(*first, culprit.job_dir, folder_ / "log", script);
  }

  TempFolder folder_;
  IsolationOptions options_;
};

TEST_F(IsolationTest, AJobWorksInItsOwnFolderWithAnOwnTmpdir) {
  const ScriptEnd end = Try(
      "mkdir out && echo x > out/a && mv out/a b && ln -s b c && cat c && echo y > $TMPDIR/t && "
      "[ \"$HOME\" = \"$PWD\" ] && cat /etc/hostname > /dev/null && ls /usr > /dev/null && umask");
  EXPECT_EQ(end.exit_code, 0) << end.out;
  EXPECT_EQ(end.out, "x\n0077\n");
}

TEST_F(IsolationTest, AnotherTeamsFilesAreClosed) {
  const ScriptEnd end = Try("cat ../j2/secret");
  EXPECT_NE(end.exit_code, 0);
  EXPECT_THAT(end.out, HasSubstr("Permission denied"));
  EXPECT_THAT(end.out, Not(HasSubstr("hidden")));
}

TEST_F(IsolationTest, ASymbolicLinkLeadsNowhereElse) {
  const ScriptEnd end = Try("ln -s ../j2 door; ln -s ../j2/secret key; cat door/secret key");
  EXPECT_NE(end.exit_code, 0);
  EXPECT_THAT(end.out, Not(HasSubstr("hidden")));
  EXPECT_NE(Try("ln -s ../j2 door; echo x > door/new").exit_code, 0);
}

TEST_F(IsolationTest, TheAgentsOwnFilesAreClosed) {
  std::ofstream(options_.agent_dir + "/node.key") << "hidden\n";
  const ScriptEnd end = Try("cat ../../node.key; ls ../..");
  EXPECT_THAT(end.out, Not(HasSubstr("hidden")));
  EXPECT_THAT(end.out, Not(HasSubstr("attempts")));
}

TEST_F(IsolationTest, OneUserForAllTeamsIsHeldByLandlockAlone) {
  if (LandlockVersion() == 0) GTEST_SKIP() << "the kernel has no Landlock";
  if (IsRoot()) options_.accounts = {"*=daemon"};
  EXPECT_THAT(Try("cat ../j2/secret").out, HasSubstr("Permission denied"));
  EXPECT_THAT(Try("ls ../j2").out, HasSubstr("Permission denied"));
  if (LandlockVersion() < kLandlockScopes) return;
  // Init would be no witness: nobody may signal it.
  EXPECT_THAT(Try(absl::StrCat("kill -0 ", getpid())).out, HasSubstr("not permitted"));
}

TEST_F(IsolationTest, WithoutItsLogsNamesTheirFilesAreStillItsOwn) {
  EXPECT_EQ(Try("echo x > ../../attempts/j1/1/rank-0.stdout").exit_code, 0);
  EXPECT_NE(Try("rm ../../attempts/j1/1/rank-0.stdout").exit_code, 0);
  EXPECT_NE(Try("echo x > ../../attempts/j1/1/planted").exit_code, 0);
}

TEST_F(IsolationTest, AFileEndsAtTheDiskLimit) {
  const ScriptEnd end = Try("exec head -c 2M /dev/zero > big");
  EXPECT_EQ(end.exit_code, 128 + SIGXFSZ) << end.out;
}

TEST_F(IsolationTest, NoPrivilegesAreLeftOrGained) {
  const ScriptEnd end = Try("grep -E '^(NoNewPrivs|CapEff|Groups)' /proc/self/status; ulimit -c");
  EXPECT_THAT(end.out, HasSubstr("NoNewPrivs:\t1\n"));
  EXPECT_THAT(end.out, HasSubstr("\n0\n"));
  if (!IsRoot()) return;
  EXPECT_THAT(end.out, HasSubstr("CapEff:\t0000000000000000\n"));
  EXPECT_THAT(end.out, Not(HasSubstr("Groups:\t0")));
}

TEST_F(IsolationTest, RootJobsOfATeamAreItsAccount) {
  if (!IsRoot()) GTEST_SKIP() << "only root changes users";
  EXPECT_EQ(Try("id -un; echo $USER").out, "daemon\ndaemon\n");
}

TEST_F(IsolationTest, DataRootsAreReadAndWorkRootsWritten) {
  ASSERT_TRUE(MakeFolders(folder_ / "data").ok());
  ASSERT_TRUE(MakeFolders(folder_ / "work").ok());
  std::ofstream(folder_ / "data/images") << "pixels\n";
  chmod((folder_ / "work").c_str(), 0777);
  chmod((folder_ / "data").c_str(), 0777);
  EXPECT_NE(Try(absl::StrCat("echo x > ", folder_ / "work/a")).exit_code, 0);
  EXPECT_NE(Try(absl::StrCat("cat ", folder_ / "data/images")).exit_code, 0);
  options_.data_roots = {folder_ / "data"};
  options_.work_roots = {folder_ / "work"};
  EXPECT_EQ(Try(absl::StrCat("echo x > ", folder_ / "work/a")).exit_code, 0);
  EXPECT_EQ(Try(absl::StrCat("cat ", folder_ / "data/images")).out, "pixels\n");
  EXPECT_NE(Try(absl::StrCat("echo x > ", folder_ / "data/new")).exit_code, 0);
}

TEST_F(IsolationTest, ADataRootAroundTheAgentDoesNotOpenTheAgent) {
  ASSERT_TRUE(MakeFolders(folder_ / "data").ok());
  std::ofstream(folder_ / "data/images") << "pixels\n";
  options_.data_roots = {folder_.path()};
  EXPECT_EQ(Try(absl::StrCat("cat ", folder_ / "data/images")).out, "pixels\n");
  EXPECT_THAT(Try("cat ../j2/secret").out, Not(HasSubstr("hidden")));
  options_.work_roots = {folder_.path()};
  EXPECT_EQ(Isolation::Create(options_).status().code(), kInvalidArgument);
}

TEST_F(IsolationTest, APathThatTheNodeDoesNotOpenIsNamedBeforeAnythingStarts) {
  const auto node = Node();
  Tenant tenant = TenantOf("j1", "red");
  tenant.working_dir = folder_.path();
  EXPECT_EQ(node->Enclose(tenant).status().code(), kPermissionDenied);
  EXPECT_THAT(Message(node->Enclose(tenant).status()), HasSubstr(folder_.path()));
  tenant.working_dir = "/usr/share";
  EXPECT_TRUE(node->Enclose(tenant).ok());
  // A link does not make it open.
  ASSERT_TRUE(MakeFolders(tenant.job_dir).ok());
  std::filesystem::create_symlink(folder_.path(), tenant.job_dir + "/door");
  tenant.inputs = {tenant.job_dir + "/door/data"};
  EXPECT_EQ(node->Enclose(tenant).status().code(), kPermissionDenied);
}

TEST_F(IsolationTest, TheEnvironmentIsCleanAndSaysWhereToWrite) {
  setenv("OCTET_TEST_SECRET", "hidden", 1);
  const auto node = Node();
  const Tenant tenant = TenantOf("j1", "red");
  const auto enclosure = Enclose(*node, tenant);
  const auto env = enclosure->EnvironmentFor({{"HOME", "/home/ada"}, {"LR", "0.1"}});
  unsetenv("OCTET_TEST_SECRET");
  ASSERT_TRUE(env.has_value());
  EXPECT_THAT(*env, Not(Contains(Key("OCTET_TEST_SECRET"))));
  EXPECT_THAT(*env, Contains(Pair("HOME", tenant.job_dir)));
  EXPECT_THAT(*env, Contains(Pair("LR", "0.1")));
  EXPECT_THAT(*env, Contains(Key("PATH")));
}

TEST_F(IsolationTest, AHomeThatJobsMayWriteToStays) {
  ASSERT_TRUE(MakeFolders(folder_ / "home/ada").ok());
  options_.work_roots = {folder_ / "home"};
  const auto enclosure = Enclose(*Node(), TenantOf("j1", "red"));
  EXPECT_THAT(*enclosure->EnvironmentFor({{"HOME", folder_ / "home/ada"}}),
              Contains(Pair("HOME", folder_ / "home/ada")));
}

TEST_F(IsolationTest, ItsTmpdirGoesWithIt) {
  const auto node = Node();
  const Tenant tenant = TenantOf("j1", "red");
  auto enclosure = Enclose(*node, tenant);
  const std::string tmp = enclosure->EnvironmentFor({})->at("TMPDIR");
  EXPECT_TRUE(std::filesystem::exists(tmp));
  enclosure.reset();
  EXPECT_FALSE(std::filesystem::exists(tmp));
  EXPECT_TRUE(std::filesystem::exists(tenant.job_dir));
}

TEST_F(IsolationTest, SharedMemoryIsTheAttemptsOwnWhereItCanBe) {
  const auto node = Node();
  if (!IsRoot() || !::testing::Matches(Not(Contains(HasSubstr("/dev/shm"))))(node->gaps()))
    GTEST_SKIP() << "no right to mount";
  const std::string name = absl::StrCat("/dev/shm/octet-test-", getpid());
  std::ofstream(name) << "of another\n";
  const ScriptEnd end =
      Try(absl::StrCat("ls /dev/shm; echo x > ", name, " && cat ", name, "; df -k /dev/shm"));
  EXPECT_THAT(end.out, HasSubstr("x\n"));
  EXPECT_THAT(end.out, HasSubstr(" 524288 "));  // Half of its memory.
  EXPECT_EQ(*ReadFile(name), "of another\n");
  std::filesystem::remove(name);
}

TEST_F(IsolationTest, LimitsGrowWithTheSlots) {
  const auto node = Node();
  EXPECT_EQ(node->LimitsOf(4).memory_bytes, int64_t{4} << 30);
  EXPECT_EQ(node->LimitsOf(4).disk_bytes, int64_t{4} << 20);
  options_.memory_per_slot = kUnlimited;
  EXPECT_EQ(Node()->LimitsOf(4).memory_bytes, kUnlimited);
  options_.memory_per_slot.reset();
  EXPECT_LT(Node()->LimitsOf(1).memory_bytes, MemoryOfMachine());
}

TEST_F(IsolationTest, WithoutIsolationJobsAreTheAgent) {
  options_.mode = Mode::kNone;
  options_.accounts.clear();
  options_.disk_per_slot.reset();
  const auto node = Node();
  EXPECT_THAT(node->gaps(), IsEmpty());
  const auto enclosure = Enclose(*node, TenantOf("j1", "red"));
  EXPECT_FALSE(enclosure->confinement().on);
  EXPECT_EQ(enclosure->EnvironmentFor({{"A", "1"}}), std::nullopt);
  EXPECT_EQ(node->LimitsOf(1).disk_bytes, kUnlimited);
  EXPECT_EQ(node->LimitsOf(1).memory_bytes, int64_t{1} << 30);
}

TEST_F(IsolationTest, AnAgentThatIsRootNeedsAccounts) {
  if (!IsRoot()) {
    options_.accounts = {"red=daemon"};
    EXPECT_EQ(Isolation::Create(options_).status().code(), kFailedPrecondition);
    return;
  }
  options_.accounts.clear();
  EXPECT_THAT(Message(Isolation::Create(options_).status()), HasSubstr("--account"));
  options_.accounts = {"red=daemon"};
  EXPECT_THAT(Message(Node()->Enclose(TenantOf("j2", "blue")).status()),
              HasSubstr("team blue has no account"));
}

TEST_F(IsolationTest, StrictTakesNoMachineThatLacksSomething) {
  EXPECT_THAT(Node()->gaps(), Contains(HasSubstr("no cgroup")));
  options_.mode = Mode::kStrict;
  const absl::Status refused = Isolation::Create(options_).status();
  EXPECT_EQ(refused.code(), kFailedPrecondition);
  EXPECT_THAT(Message(refused), HasSubstr("no cgroup"));
}

TEST(IsolationModeTest, HasThreeNames) {
  EXPECT_EQ(*ParseMode("strict"), Mode::kStrict);
  EXPECT_EQ(ToString(Mode::kStandard), "standard");
  EXPECT_FALSE(ParseMode("paranoid").ok());
}

}  // namespace
}  // namespace octet::isolation
