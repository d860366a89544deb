#include "identity/certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "identity/openssl.h"
#include "tests/identity/test_authority.h"

namespace octet::identity {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

template <typename T>
absl::StatusCode CodeOf(const absl::StatusOr<T>& result) {
  return result.status().code();
}

using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;

std::string Written(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<size_t>(size)};
}

// A request that proves a key of any kind.
std::string RequestFor(EVP_PKEY* key) {
  const std::unique_ptr<X509_REQ, Free<X509_REQ_free>> request(X509_REQ_new());
  EXPECT_EQ(X509_REQ_set_pubkey(request.get(), key), 1);
  EXPECT_NE(X509_REQ_sign(request.get(), key, EVP_sha256()), 0);
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509_REQ(bio.get(), request.get());
  return Written(bio);
}

// Signed by itself, for nobody: with these alternative names.
std::string CertificateWithNames(const std::string& names) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  const std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, NID_subject_alt_name, names.c_str()));
  X509_set_pubkey(certificate.get(), key.get());
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 60);
  X509_add_ext(certificate.get(), extension.get(), -1);
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate.get());
  return Written(bio);
}

class CertificateTest : public testing::Test {
 protected:
  absl::StatusOr<std::string> SignNode(const std::string& request,
                                       const std::string& node = "n1") const {
    return authority_.signer.SignNode(request, node, absl::Now());
  }
  absl::StatusOr<std::string> SignScheduler(const std::vector<std::string>& hosts) const {
    return authority_.signer.SignScheduler(request_, hosts, absl::Now());
  }

  const TestAuthority authority_{};
  const std::string key_ = GenerateKey();
  const std::string request_ = RequestCertificate(key_).value();
};

TEST_F(CertificateTest, ANodesSaysWhoseItIsAndHowLong) {
  const auto pem = authority_.signer.SignNode(request_, "rack-7.n_1", kNow, absl::Hours(2));
  ASSERT_TRUE(pem.ok()) << pem.status();
  const CertificateInfo info = ReadCertificate(*pem).value();
  EXPECT_EQ(info.node, "rack-7.n_1");
  EXPECT_THAT(info.hosts, IsEmpty());
  EXPECT_FALSE(info.authority);
  EXPECT_EQ(info.issued, kNow);
  EXPECT_EQ(info.begin, kNow - kBackdating) << "for clocks that are behind";
  EXPECT_EQ(info.end, kNow + absl::Hours(2));
}

TEST_F(CertificateTest, ASchedulersSaysByWhichNamesItIsDialled) {
  const auto pem =
      SignScheduler({"octet.example.org", "*.pods.example.org", "10.0.0.7", "2001:db8::7"});
  ASSERT_TRUE(pem.ok()) << pem.status();
  const CertificateInfo info = ReadCertificate(*pem).value();
  EXPECT_THAT(info.hosts,
              ElementsAre("octet.example.org", "*.pods.example.org", "10.0.0.7", "2001:db8::7"));
  EXPECT_EQ(info.node, "");
  EXPECT_FALSE(info.authority);
}

TEST_F(CertificateTest, SerialsAreLongAndNeverMeet) {
  const auto serial = [&] { return ReadCertificate(SignNode(request_).value()).value().serial; };
  const std::string one = serial();
  EXPECT_EQ(one.size(), 32u);
  EXPECT_NE(one, serial());
}

TEST_F(CertificateTest, ACertificateDoesNotHoldTheKey) {
  const KeyPair pair = authority_.NodePair("n1");
  EXPECT_FALSE(absl::StrContains(pair.certificate, "PRIVATE"));
  EXPECT_FALSE(absl::StrContains(request_, "PRIVATE"));
}

TEST_F(CertificateTest, NothingOutlivesItsAuthority) {
  const auto pair = CertificateAuthority::Create("short", kNow, absl::Hours(5));
  const auto signer = CertificateAuthority::Load(pair.value());
  const auto pem = signer->SignNode(request_, "n1", kNow, absl::Hours(24));
  EXPECT_EQ(ReadCertificate(pem.value())->end, kNow + absl::Hours(5));
}

TEST_F(CertificateTest, AnAuthorityThatHasEndedSignsNothing) {
  const auto pair = CertificateAuthority::Create("short", kNow, absl::Hours(5));
  const auto signer = CertificateAuthority::Load(pair.value());
  EXPECT_TRUE(signer->SignNode(request_, "n1", kNow + absl::Hours(4)).ok());
  const auto late = signer->SignNode(request_, "n1", kNow + absl::Hours(5));
  EXPECT_EQ(CodeOf(late), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(late.status().message()), HasSubstr("how to replace"));
}

TEST_F(CertificateTest, OnlyAnAuthorityWithItsOwnKeySigns) {
  EXPECT_TRUE(ReadCertificate(authority_.pair.certificate)->authority);
  const auto load = [](const KeyPair& pair) { return CodeOf(CertificateAuthority::Load(pair)); };
  EXPECT_EQ(load(authority_.pair), absl::StatusCode::kOk);
  EXPECT_EQ(load(authority_.NodePair("n1")), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(load(authority_.scheduler), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(load({authority_.pair.certificate, key_}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(load({authority_.pair.certificate, "key"}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(load({"certificate", authority_.pair.key}), absl::StatusCode::kInvalidArgument);
}

TEST_F(CertificateTest, ARequestMustProveItsKey) {
  // Another's key under this one's signature.
  const Key own(PEM_read_bio_PrivateKey(Reader(key_).get(), nullptr, NoPassPhrase, nullptr));
  const Key other(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509_REQ, Free<X509_REQ_free>> request(X509_REQ_new());
  X509_REQ_set_pubkey(request.get(), other.get());
  X509_REQ_sign(request.get(), own.get(), EVP_sha256());
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509_REQ(bio.get(), request.get());
  const auto signed_ = SignNode(Written(bio));
  EXPECT_EQ(CodeOf(signed_), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(signed_.status().message()), HasSubstr("does not prove"));
}

TEST_F(CertificateTest, KeysOfOtherKindsAreNotSigned) {
  const Key rsa(EVP_RSA_gen(1024)), other_curve(EVP_EC_gen("P-384"));
  for (EVP_PKEY* key : {rsa.get(), other_curve.get()}) {
    const auto signed_ = SignNode(RequestFor(key));
    EXPECT_EQ(CodeOf(signed_), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(signed_.status().message()), HasSubstr("P-256"));
  }
}

TEST_F(CertificateTest, WhatIsNoRequestIsRefused) {
  EXPECT_EQ(CodeOf(SignNode("")), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(SignNode(key_)), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(SignNode(request_.substr(0, request_.size() / 2))),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(RequestCertificate(request_)), absl::StatusCode::kInvalidArgument);
}

// Strangers send requests: one that is encrypted must not have the scheduler
// ask for a pass phrase on its terminal.
TEST_F(CertificateTest, AnEncryptedRequestIsRefusedAndNobodyIsAsked) {
  const std::string encrypted = absl::StrReplaceAll(
      request_, {{"REQUEST-----\nM",
                  "REQUEST-----\nProc-Type: 4,ENCRYPTED\n"
                  "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nM"}});
  ASSERT_NE(encrypted, request_);
  const auto signed_ = SignNode(encrypted);
  EXPECT_EQ(CodeOf(signed_), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(signed_.status().message()), HasSubstr("password"));
}

TEST_F(CertificateTest, NamesThatAreNoNodesAreRefused) {
  EXPECT_TRUE(SignNode(request_, std::string(253, 'n')).ok());
  for (const std::string& name :
       {std::string(), std::string("n 1"), std::string("n/1"), std::string("n1,DNS:scheduler"),
        std::string("n1\n"), std::string("n1\0", 3), std::string("nö"), std::string(254, 'n')})
    EXPECT_EQ(CodeOf(SignNode(request_, name)), absl::StatusCode::kInvalidArgument) << name;
}

TEST_F(CertificateTest, NamesThatAreNoHostsAreRefused) {
  EXPECT_EQ(CodeOf(SignScheduler({})), absl::StatusCode::kInvalidArgument);
  for (const char* host : {"", "octet:7070", "*", "*.", "a b", "a,URI:octet://node/n1", "a/b"})
    EXPECT_EQ(CodeOf(SignScheduler({"octet.example.org", host})),
              absl::StatusCode::kInvalidArgument)
        << host;
}

TEST_F(CertificateTest, WhatIsNoCertificateIsRefused) {
  for (const std::string& text : {std::string(), std::string("certificate"), key_, request_})
    EXPECT_EQ(CodeOf(ReadCertificate(text)), absl::StatusCode::kInvalidArgument);
}

TEST_F(CertificateTest, AlternativeNamesOfOtherKindsArePassedOver) {
  const auto info = ReadCertificate(
      CertificateWithNames("RID:1.2.3.4,email:ada@example.org,DNS:a.example.org,URI:https://b"));
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_THAT(info->hosts, ElementsAre("a.example.org"));
  EXPECT_EQ(info->node, "");
}

}  // namespace
}  // namespace octet::identity
