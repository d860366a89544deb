#include "scheduler/server/listen.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/files.h"
#include "common/status.h"

namespace octet::scheduler {
namespace {

constexpr char kUnix[] = "unix:";

// The path, or empty for host:port.
std::string SocketPath(absl::string_view address) {
  return absl::ConsumePrefix(&address, kUnix) ? std::string(address) : "";
}

// Whether a process accepts connections on the socket file.
bool IsAnswered(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{.sun_family = AF_UNIX};
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  const bool answered =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return answered;
}

}  // namespace

bool IsUnixSocket(const std::string& address) { return absl::StartsWith(address, kUnix); }

absl::Status CheckListenAddress(const std::string& address) {
  if (IsUnixSocket(address)) {
    const std::string path = SocketPath(address);
    if (path.empty() || path.front() != '/')
      return absl::InvalidArgumentError(
          absl::StrCat("--listen ", address, ": the socket needs an absolute path"));
    if (path.size() >= sizeof(sockaddr_un::sun_path))
      return absl::InvalidArgumentError(
          absl::StrCat("--listen ", address, ": a socket's path has at most ",
                       sizeof(sockaddr_un::sun_path) - 1, " characters; choose a shorter --dir"));
    return absl::OkStatus();
  }
  const size_t colon = address.rfind(':');
  int port = 0;
  if (colon == std::string::npos || !absl::SimpleAtoi(address.substr(colon + 1), &port) ||
      port < 0 || port > 65535)
    return absl::InvalidArgumentError(
        absl::StrCat("--listen ", address, ": write unix:PATH or host:port"));
  return absl::OkStatus();
}

absl::Status PrepareListenAddress(const std::string& address) {
  const std::string path = SocketPath(address);
  if (path.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(MakeFolders(std::filesystem::path(path).parent_path(), 0700));
  struct stat info;
  if (lstat(path.c_str(), &info) != 0)
    return errno == ENOENT ? absl::OkStatus() : ErrnoStatus("cannot listen on", path);
  if (!S_ISSOCK(info.st_mode))
    return absl::AlreadyExistsError(
        absl::StrCat("cannot listen on ", path, ": there is a file that is not a socket"));
  if (IsAnswered(path))
    return absl::AlreadyExistsError(
        absl::StrCat("cannot listen on ", path, ": another process does; stop it first"));
  if (unlink(path.c_str()) != 0) return ErrnoStatus("cannot remove the stale socket", path);
  return absl::OkStatus();
}

absl::Status ProtectListenAddress(const std::string& address) {
  const std::string path = SocketPath(address);
  if (!path.empty() && chmod(path.c_str(), 0600) != 0) return ErrnoStatus("cannot restrict", path);
  return absl::OkStatus();
}

}  // namespace octet::scheduler
