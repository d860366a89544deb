#include "worker/agent/held_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "octet/v1/nodes.grpc.pb.h"

namespace octet::agent {
namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Whether a client reaches `port` of this machine.
bool Connects(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  const int result = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  close(fd);
  return result == 0;
}

// A listening socket of all addresses that was bound with one option, or with
// none (0). -1: the port is taken.
int Listen(int family, int port, int option) {
  const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int one = 1, zero = 0;
  if (option != 0) setsockopt(fd, SOL_SOCKET, option, &one, sizeof(one));
  sockaddr_in six_or_four = {};
  sockaddr_in6 six = {};
  const sockaddr* address = reinterpret_cast<const sockaddr*>(&six_or_four);
  socklen_t size = sizeof(six_or_four);
  six_or_four.sin_family = AF_INET;
  six_or_four.sin_port = htons(static_cast<uint16_t>(port));
  if (family == AF_INET6) {
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
    six.sin6_family = AF_INET6;
    six.sin6_port = six_or_four.sin_port;
    address = reinterpret_cast<const sockaddr*>(&six);
    size = sizeof(six);
  }
  if (bind(fd, address, size) == 0 && listen(fd, 8) == 0) return fd;
  close(fd);
  return -1;
}

class HeldPortTest : public ::testing::Test {
 protected:
  HeldPortTest() {
    auto held = HeldPort::Hold();
    EXPECT_TRUE(held.ok()) << held.status();
    held_ = *std::move(held);
  }
  std::unique_ptr<HeldPort> held_;
};

TEST_F(HeldPortTest, APeerThatComesTooEarlyIsRefusedAndNotLeftWaiting) {
  EXPECT_FALSE(Connects(held_->port()));
}

TEST_F(HeldPortTest, AServerThatReusesAddressesCanListen) {
  // TCPStore and gloo do this.
  const int fd = Listen(AF_INET, held_->port(), SO_REUSEADDR);
  ASSERT_GE(fd, 0) << strerror(errno);
  EXPECT_TRUE(Connects(held_->port()));
  close(fd);
  // The next attempt's rank gets it again.
  const int again = Listen(AF_INET, held_->port(), SO_REUSEADDR);
  ASSERT_GE(again, 0) << strerror(errno);
  EXPECT_TRUE(Connects(held_->port()));
  close(again);
}

TEST_F(HeldPortTest, AServerThatSharesPortsCanListen) {
  const int fd = Listen(AF_INET, held_->port(), SO_REUSEPORT);
  ASSERT_GE(fd, 0) << strerror(errno);
  EXPECT_TRUE(Connects(held_->port()));
  close(fd);
}

TEST_F(HeldPortTest, AServerOfBothKindsOfAddressesCanListen) {
  const int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) GTEST_SKIP() << "no IPv6 here";
  close(probe);
  for (const int option : {SO_REUSEADDR, SO_REUSEPORT}) {
    const int fd = Listen(AF_INET6, held_->port(), option);
    ASSERT_GE(fd, 0) << strerror(errno);
    EXPECT_TRUE(Connects(held_->port()));
    close(fd);
  }
}

TEST_F(HeldPortTest, AGrpcServerCanListen) {
  // As TensorFlow's workers and JAX's coordinator do.
  int port = 0;
  v1::NodeService::Service service;
  grpc::ServerBuilder builder;
  builder.RegisterService(&service);
  builder.AddListeningPort("[::]:" + std::to_string(held_->port()),
                           grpc::InsecureServerCredentials(), &port);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  ASSERT_NE(server, nullptr);
  EXPECT_EQ(port, held_->port());
  EXPECT_TRUE(Connects(port));
}

TEST_F(HeldPortTest, AProgramThatDoesNotShareDoesNotGetIt) {
  EXPECT_LT(Listen(AF_INET, held_->port(), 0), 0);
  EXPECT_EQ(errno, EADDRINUSE);
}

TEST_F(HeldPortTest, EachSlotHasItsOwn) {
  auto other = HeldPort::Hold();
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_NE((*other)->port(), held_->port());
}

}  // namespace
}  // namespace octet::agent
