#include "identity/tls.h"

#include <sys/stat.h>

#include <filesystem>

#include "common/files.h"
#include "gmock/gmock.h"
#include "identity/token.h"
#include "tests/common/temp_folder.h"
#include "tests/identity/test_authority.h"
#include "tests/identity/tls_server.h"

namespace octet::identity {
namespace {

using testing::HasSubstr;

constexpr absl::Duration kLongAgo = absl::Hours(24 * 365);

std::shared_ptr<grpc::ChannelCredentials> ShowingPair(const std::string& authority,
                                                      const KeyPair& pair) {
  return grpc::SslCredentials({authority, pair.key, pair.certificate});
}

std::shared_ptr<grpc::ServerCredentials> ServingPair(const KeyPair& pair) {
  grpc::SslServerCredentialsOptions options;
  options.pem_key_cert_pairs.push_back({pair.key, pair.certificate});
  return grpc::SslServerCredentials(options);
}

unsigned ModeOf(const std::string& path) {
  struct stat info = {};
  EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 0777;
}

/// A scheduler with certificates in a folder.
class TlsTest : public testing::Test {
 protected:
  TlsTest() {
    authority_.WriteTo(folder_.dir);
    server_ = std::make_unique<TlsServer>(
        SchedulerCredentials(folder_, /*look_again=*/absl::Seconds(1)).value());
  }

  Seen Call(const std::shared_ptr<grpc::ChannelCredentials>& credentials) const {
    return CallOnce(server_->address(), credentials);
  }
  std::shared_ptr<grpc::ChannelCredentials> Caller() const {
    return CallerCredentials(authority_.pair.certificate).value();
  }
  // A node's folder.
  TlsFolder JoinedNode(const KeyPair& pair) const {
    const TlsFolder node{temp_ / "node"};
    EXPECT_TRUE(WriteKeyPair(node.node(), node.node_key(), pair).ok());
    EXPECT_TRUE(WriteFileAtomic(node.authority(), authority_.pair.certificate).ok());
    return node;
  }
  grpc::StatusCode CodeOfCertificate(const KeyPair& pair) const {
    return Call(ShowingPair(authority_.pair.certificate, pair)).status.error_code();
  }
  grpc::StatusCode CodeOfServer(const KeyPair& pair) const {
    const TlsServer server(ServingPair(pair));
    return CallOnce(server.address(), Caller()).status.error_code();
  }

  const TempFolder temp_;
  const TlsFolder folder_{temp_ / "tls"};
  const TestAuthority authority_;
  std::unique_ptr<TlsServer> server_;
};

TEST_F(TlsTest, PeopleNeedNoCertificate) {
  const Seen seen = Call(Caller());
  EXPECT_TRUE(seen.status.ok()) << seen.status.error_message();
  EXPECT_EQ(seen.caller_certificate, "");
  EXPECT_EQ(seen.authorization, "");
}

TEST_F(TlsTest, ATokenTravelsWithEveryCall) {
  const std::string token = NewToken().ToString();
  const Seen seen = Call(grpc::CompositeChannelCredentials(Caller(), BearerToken(token)));
  ASSERT_TRUE(seen.status.ok()) << seen.status.error_message();
  EXPECT_EQ(seen.authorization, "Bearer " + token);
}

TEST_F(TlsTest, ANodeProvesItself) {
  const auto credentials = NodeCredentials(JoinedNode(authority_.NodePair("n1")));
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  const Seen seen = Call(*credentials);
  ASSERT_TRUE(seen.status.ok()) << seen.status.error_message();
  EXPECT_EQ(ReadCertificate(seen.caller_certificate)->node, "n1");
}

TEST_F(TlsTest, CertificatesThatProveNothingGetNoConnection) {
  EXPECT_EQ(CodeOfCertificate(authority_.NodePair("n1")), grpc::OK);
  EXPECT_EQ(CodeOfCertificate(TestAuthority().NodePair("n1")), grpc::UNAVAILABLE)
      << "of another authority, which has the same name";
  EXPECT_EQ(CodeOfCertificate(authority_.NodePair("n1", absl::Now() - kLongAgo)), grpc::UNAVAILABLE)
      << "ended";
  EXPECT_EQ(CodeOfCertificate(authority_.NodePair("n1", absl::Now() + kLongAgo)), grpc::UNAVAILABLE)
      << "not begun";
  EXPECT_EQ(CodeOfCertificate(authority_.scheduler), grpc::UNAVAILABLE)
      << "a scheduler's, which is no client's";
  EXPECT_EQ(CodeOfCertificate(CertificateAuthority::Create("own", absl::Now()).value()),
            grpc::UNAVAILABLE)
      << "signed by itself";
}

TEST_F(TlsTest, ServersThatProveNothingAreNotSpokenTo) {
  EXPECT_EQ(CodeOfServer(authority_.scheduler), grpc::OK);
  EXPECT_EQ(CodeOfServer(TestAuthority().scheduler), grpc::UNAVAILABLE) << "of another authority";
  EXPECT_EQ(CodeOfServer(authority_.SchedulerPair({"127.0.0.1"}, absl::Now() - kLongAgo)),
            grpc::UNAVAILABLE)
      << "ended";
  EXPECT_EQ(CodeOfServer(authority_.SchedulerPair({"127.0.0.2", "octet.example.org"})),
            grpc::UNAVAILABLE)
      << "by another name";
  EXPECT_EQ(CodeOfServer(authority_.NodePair("127.0.0.1")), grpc::UNAVAILABLE)
      << "a node's, which is no server's";
}

TEST_F(TlsTest, ANodeSpeaksToItsOwnSchedulerOnly) {
  const auto credentials = NodeCredentials(JoinedNode(authority_.NodePair("n1"))).value();
  for (const KeyPair& pair :
       {TestAuthority().scheduler, authority_.SchedulerPair({"octet.example.org"}),
        authority_.NodePair("127.0.0.1")}) {
    const TlsServer server(ServingPair(pair));
    EXPECT_EQ(CallOnce(server.address(), credentials).status.error_code(), grpc::UNAVAILABLE);
  }
}

TEST_F(TlsTest, ASchedulersRenewedCertificateNeedsNoRestart) {
  const KeyPair renewed = authority_.SchedulerPair({"127.0.0.1"});
  ASSERT_TRUE(WriteKeyPair(folder_.scheduler(), folder_.scheduler_key(), renewed).ok());
  const std::string serial = ReadCertificate(renewed.certificate)->serial;
  const absl::Time end = absl::Now() + absl::Seconds(60);
  for (;;) {
    const Seen seen = Call(Caller());
    ASSERT_TRUE(seen.status.ok()) << seen.status.error_message();
    if (ReadCertificate(seen.server_certificate)->serial == serial) break;
    ASSERT_LT(absl::Now(), end) << "the renewed certificate is not taken";
  }
}

TEST_F(TlsTest, ANodesRenewedCertificateNeedsNoRestart) {
  const TlsFolder node = JoinedNode(authority_.NodePair("n1"));
  const auto credentials = NodeCredentials(node, /*look_again=*/absl::Seconds(1)).value();
  ASSERT_TRUE(Call(credentials).status.ok());
  const KeyPair renewed = authority_.NodePair("n1");
  ASSERT_TRUE(WriteKeyPair(node.node(), node.node_key(), renewed).ok());
  const std::string serial = ReadCertificate(renewed.certificate)->serial;
  const absl::Time end = absl::Now() + absl::Seconds(60);
  for (;;) {
    const Seen seen = Call(credentials);
    ASSERT_TRUE(seen.status.ok()) << seen.status.error_message();
    if (ReadCertificate(seen.caller_certificate)->serial == serial) break;
    ASSERT_LT(absl::Now(), end) << "the renewed certificate is not taken";
  }
}

TEST_F(TlsTest, CertificatesThatHaveEndedAreNotStartedWith) {
  const absl::Time then = absl::Now() - kLongAgo;
  ASSERT_TRUE(WriteKeyPair(folder_.scheduler(), folder_.scheduler_key(),
                           authority_.SchedulerPair({"127.0.0.1"}, then))
                  .ok());
  const absl::Status scheduler = SchedulerCredentials(folder_).status();
  EXPECT_EQ(scheduler.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(scheduler.message()), HasSubstr(folder_.scheduler() + ": ended at"));
  EXPECT_THAT(std::string(scheduler.message()), HasSubstr("octet ca renew"));
  EXPECT_EQ(NodeCredentials(JoinedNode(authority_.NodePair("n1", then))).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(TlsTest, AMissingFileIsNamed) {
  for (const std::string& path :
       {folder_.authority(), folder_.scheduler(), folder_.scheduler_key()}) {
    authority_.WriteTo(folder_.dir);
    std::filesystem::remove(path);
    const absl::Status status = SchedulerCredentials(folder_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_THAT(std::string(status.message()), HasSubstr(path));
  }
}

TEST_F(TlsTest, WhatIsNoAuthorityIsNotTrusted) {
  EXPECT_EQ(CallerCredentials("").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CallerCredentials(authority_.pair.key).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(KeyPairTest, IsReadBackAndItsKeyIsItsOwnersAlone) {
  const TempFolder temp;
  const std::string dir = temp / "a/b";
  const KeyPair pair = TestAuthority().NodePair("n1");
  ASSERT_TRUE(WriteKeyPair(dir + "/node.crt", dir + "/node.key", pair).ok());
  EXPECT_EQ(ModeOf(dir), 0700u);
  EXPECT_EQ(ModeOf(dir + "/node.key"), 0600u);
  const auto read = ReadKeyPair(dir + "/node.crt", dir + "/node.key");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->certificate, pair.certificate);
  EXPECT_EQ(read->key, pair.key);
}

TEST(KeyPairTest, AKeyThatEverybodyCanReadIsRefused) {
  const TempFolder temp;
  const std::string certificate = temp / "node.crt", key = temp / "node.key";
  ASSERT_TRUE(WriteKeyPair(certificate, key, TestAuthority().NodePair("n1")).ok());
  chmod(key.c_str(), 0640);
  EXPECT_TRUE(ReadKeyPair(certificate, key).ok()) << "as Kubernetes mounts it";
  chmod(key.c_str(), 0644);
  const absl::Status status = ReadKeyPair(certificate, key).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr(key));
}

}  // namespace
}  // namespace octet::identity
