#include "scheduler/server/listen.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "common/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "scheduler/server/dir_lock.h"
#include "scheduler/server/options.h"
#include "tests/scheduler/server/temp_dir.h"

namespace octet::scheduler {
namespace {

using ::testing::HasSubstr;

// A socket file with a listener behind it until `fd` is closed.
int ListenOn(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{.sun_family = AF_UNIX};
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(listen(fd, 1), 0);
  return fd;
}

TEST(ListenTest, TakesUnixSocketsAndHostsWithPorts) {
  for (const char* good : {"unix:/run/a.sock", "127.0.0.1:0", "0.0.0.0:7000", "[::]:7000"})
    EXPECT_TRUE(CheckListenAddress(good).ok()) << good;
  for (const char* bad : {"unix:", "unix:relative", "127.0.0.1", "127.0.0.1:70000", ""})
    EXPECT_EQ(CheckListenAddress(bad).code(), absl::StatusCode::kInvalidArgument) << bad;
  EXPECT_FALSE(CheckListenAddress("unix:/" + std::string(107, 'a')).ok());
  EXPECT_TRUE(CheckListenAddress("unix:/" + std::string(106, 'a')).ok());
}

TEST(ListenTest, RemovesAStaleSocketAndSparesALiveOne) {
  TempDir dir;
  const std::string path = dir.path() + "/s";
  const int fd = ListenOn(path);
  EXPECT_EQ(PrepareListenAddress("unix:" + path).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(std::filesystem::exists(path));
  close(fd);
  EXPECT_TRUE(PrepareListenAddress("unix:" + path).ok());
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ListenTest, SparesAFileThatIsNotASocket) {
  TempDir dir;
  const std::string path = dir.path() + "/s";
  ASSERT_TRUE(WriteFileAtomic(path, "precious").ok());
  EXPECT_EQ(PrepareListenAddress("unix:" + path).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ReadFile(path).value(), "precious");
}

TEST(DirLockTest, TheSecondIsToldWhoHasIt) {
  TempDir dir;
  {
    const auto first = DirLock::Take(dir.path());
    ASSERT_TRUE(first.ok());
    const auto second = DirLock::Take(dir.path());
    EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
    EXPECT_THAT(std::string(second.status().message()), HasSubstr(std::to_string(getpid())));
  }
  EXPECT_TRUE(DirLock::Take(dir.path()).ok());
}

TEST(OptionsTest, ANetworkIsListenedOnWithTlsOnly) {
  Options options{.dir = "/tmp/x", .listen = {"127.0.0.1:0"}};
  const absl::Status refused = ValidateOptions(options);
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("--tls"));
  options.tls = "/tmp/tls";
  EXPECT_TRUE(ValidateOptions(options).ok());
}

TEST(OptionsTest, TheTimeoutCoversTwoHeartbeats) {
  Options options{.dir = "/tmp/x"};
  options.heartbeat_interval = absl::Seconds(2);
  options.heartbeat_timeout = absl::Seconds(4);
  EXPECT_TRUE(ValidateOptions(options).ok());
  options.heartbeat_timeout = absl::Seconds(4) - absl::Milliseconds(1);
  EXPECT_EQ(ValidateOptions(options).code(), absl::StatusCode::kInvalidArgument);
}

TEST(OptionsTest, AtLeastOneChangeIsTakenAtATime) {
  Options options{.dir = "/tmp/x", .most_changes = 1};
  EXPECT_TRUE(ValidateOptions(options).ok());
  options.most_changes = 0;
  const absl::Status refused = ValidateOptions(options);
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("--most-changes"));
}

}  // namespace
}  // namespace octet::scheduler
