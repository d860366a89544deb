// A certificate authority for tests.
#ifndef OCTET_TESTS_IDENTITY_TEST_AUTHORITY_H_
#define OCTET_TESTS_IDENTITY_TEST_AUTHORITY_H_

#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "identity/certificate.h"
#include "identity/tls.h"

namespace octet {

struct TestAuthority {
  identity::KeyPair pair = identity::CertificateAuthority::Create("test", absl::Now()).value();
  identity::CertificateAuthority signer = identity::CertificateAuthority::Load(pair).value();
  /// Of a scheduler on 127.0.0.1.
  identity::KeyPair scheduler = SchedulerPair({"127.0.0.1"});

  /// A node's, signed at `issued`.
  identity::KeyPair NodePair(const std::string& node, absl::Time issued = absl::Now()) const {
    identity::KeyPair own{.key = identity::GenerateKey()};
    own.certificate =
        signer.SignNode(identity::RequestCertificate(own.key).value(), node, issued).value();
    return own;
  }
  /// A scheduler's, signed at `issued`.
  identity::KeyPair SchedulerPair(const std::vector<std::string>& hosts,
                                  absl::Time issued = absl::Now()) const {
    identity::KeyPair own{.key = identity::GenerateKey()};
    own.certificate =
        signer.SignScheduler(identity::RequestCertificate(own.key).value(), hosts, issued).value();
    return own;
  }

  /// Makes of `dir` what a scheduler on 127.0.0.1 takes as --tls.
  void WriteTo(const std::string& dir) const {
    const identity::TlsFolder folder{dir};
    ASSERT_TRUE(identity::WriteKeyPair(folder.authority(), folder.authority_key(), pair).ok());
    ASSERT_TRUE(identity::WriteKeyPair(folder.scheduler(), folder.scheduler_key(), scheduler).ok());
  }
};

}  // namespace octet

#endif  // OCTET_TESTS_IDENTITY_TEST_AUTHORITY_H_
