#include "identity/tls_probe.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "gmock/gmock.h"
#include "tests/identity/test_authority.h"
#include "tests/identity/tls_server.h"

namespace octet::identity {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// A free port of 127.0.0.1, on which nobody answers unless told to.
class Port {
 public:
  Port() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~Port() { close(fd_); }

  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }
  void Listen() const { EXPECT_EQ(listen(fd_, 1), 0); }
  /// Takes one connection and hangs up, with a reset.
  void HangUpOnce() const {
    const int peer = accept(fd_, nullptr, nullptr);
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(peer);
  }

 private:
  const int fd_;
  int port_ = 0;
};

std::shared_ptr<grpc::ServerCredentials> Serving(const KeyPair& pair) {
  grpc::SslServerCredentialsOptions options;
  options.pem_key_cert_pairs.push_back({pair.key, pair.certificate});
  return grpc::SslServerCredentials(options);
}

class TlsProbeTest : public testing::Test {
 protected:
  absl::Status Probe(const std::string& address) const {
    return ProbeTls(address, authority_.pair.certificate);
  }
  absl::Status ProbeServer(const std::shared_ptr<grpc::ServerCredentials>& credentials) const {
    const TlsServer server(credentials);
    return Probe(server.address());
  }

  const TestAuthority authority_{};
};

TEST_F(TlsProbeTest, NothingInTheWayMeansThatItDidNotAnswerInTime) {
  const absl::Status status = ProbeServer(Serving(authority_.scheduler));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("in time"));
}

TEST_F(TlsProbeTest, NobodyListens) {
  const Port port;
  const absl::Status status = Probe(port.address());
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(port.address()), HasSubstr("Connection refused")));
}

TEST_F(TlsProbeTest, AnotherAuthoritysServer) {
  const absl::Status status = ProbeServer(Serving(TestAuthority().scheduler));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("not the scheduler that is meant"), HasSubstr("ca.crt")));
}

TEST_F(TlsProbeTest, AServerOfAnotherName) {
  const absl::Status status = ProbeServer(Serving(authority_.SchedulerPair({"octet.example.org"})));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("mismatch"));
}

TEST_F(TlsProbeTest, AServerWhoseCertificateHasEnded) {
  const absl::Status status = ProbeServer(
      Serving(authority_.SchedulerPair({"127.0.0.1"}, absl::Now() - absl::Hours(24 * 365))));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("expired"));
}

TEST_F(TlsProbeTest, AServerThatSpeaksPlainText) {
  const absl::Status status = ProbeServer(grpc::InsecureServerCredentials());
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("does not speak TLS"));
}

TEST_F(TlsProbeTest, AServerThatHangsUp) {
  const Port port;
  port.Listen();
  std::thread server([&] { port.HangUpOnce(); });
  const absl::Status status = Probe(port.address());
  server.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(TlsProbeTest, WhatIsNoAddress) {
  for (const char* address : {"octet", ":7070", "octet:", ""})
    EXPECT_EQ(Probe(address).code(), absl::StatusCode::kInvalidArgument) << address;
  EXPECT_EQ(ProbeTls("127.0.0.1:1", "no certificate").code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace octet::identity
