#include "worker/agent/held_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/files.h"
#include "common/status.h"

namespace octet::agent {
namespace {

void Set(int fd, int level, int option, int value) {
  setsockopt(fd, level, option, &value, sizeof(value));
}

// -1: this machine has no such addresses. IPv6 sockets here are of IPv4, too.
int OpenBound(int family) {
  const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  Set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  Set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  sockaddr_storage any = {};
  any.ss_family = static_cast<sa_family_t>(family);
  if (family == AF_INET6) Set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  const socklen_t size = family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&any), size) == 0) return fd;
  close(fd);
  return -1;
}

}  // namespace

absl::StatusOr<std::unique_ptr<HeldPort>> HeldPort::Hold() {
  int fd = OpenBound(AF_INET6);
  if (fd < 0) fd = OpenBound(AF_INET);
  if (fd < 0) return ErrnoStatus("cannot keep", "a TCP port for each slot");
  sockaddr_storage bound = {};
  socklen_t size = sizeof(bound);
  getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size);
  const int port =
      ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(bound).sin6_port
                                        : reinterpret_cast<const sockaddr_in&>(bound).sin_port);
  return std::unique_ptr<HeldPort>(new HeldPort(fd, port));
}

HeldPort::~HeldPort() { close(fd_); }

}  // namespace octet::agent
