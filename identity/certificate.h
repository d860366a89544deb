// Octet's private certificate authority: X.509 v3 (RFC 5280) on the curve P-256.
#ifndef OCTET_IDENTITY_CERTIFICATE_H_
#define OCTET_IDENTITY_CERTIFICATE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace octet::identity {

inline constexpr absl::Duration kAuthorityLife = absl::Hours(24 * 3650);
inline constexpr absl::Duration kSchedulerLife = absl::Hours(24 * 90);
inline constexpr absl::Duration kNodeLife = absl::Hours(24);
/// How much earlier certificates begin, for clocks that are behind.
inline constexpr absl::Duration kBackdating = absl::Minutes(5);

/// A certificate and the key that it is for, both PEM. The key is a secret.
struct KeyPair {
  std::string certificate;
  std::string key;
};

/// A new private key, PEM (PKCS #8).
std::string GenerateKey();

/// A PKCS #10 request in PEM that proves possession of the key; it names
/// nobody, for who signs it says whose it is. INVALID_ARGUMENT: not a key.
absl::StatusOr<std::string> RequestCertificate(const std::string& key);

/// What a certificate says.
struct CertificateInfo {
  std::string serial;  // hex, without leading zeros
  /// The node's name, from the URI octet://node/NAME; empty: not a node's.
  std::string node;
  /// DNS names and IP addresses that it is good for as a server.
  std::vector<std::string> hosts;
  bool authority = false;
  absl::Time begin, end;
  /// When it was signed: `begin` is kBackdating earlier.
  absl::Time issued;
};

/// Of the first certificate in the text. INVALID_ARGUMENT: there is none.
absl::StatusOr<CertificateInfo> ReadCertificate(const std::string& pem);

/// Signs certificates. Copyable, immutable, thread-safe.
class CertificateAuthority {
 public:
  /// A new authority, and its key pair to store. `name` is its common name.
  static absl::StatusOr<KeyPair> Create(const std::string& name, absl::Time now,
                                        absl::Duration life = kAuthorityLife);
  /// INVALID_ARGUMENT: not an authority's certificate, or another's key.
  static absl::StatusOr<CertificateAuthority> Load(const KeyPair& authority);

  /// A certificate for the request's key with which a node calls (client only):
  /// it cannot pose as the scheduler. Ends no later than the authority.
  /// INVALID_ARGUMENT: not a request, one that does not prove its key, a key
  /// of another kind, or not a node's name. FAILED_PRECONDITION: the authority
  /// has ended.
  absl::StatusOr<std::string> SignNode(const std::string& request, const std::string& node,
                                       absl::Time now, absl::Duration life = kNodeLife) const;
  /// The same for a scheduler that is reached as `hosts` (server only): DNS
  /// names, also *.example.org, and IP addresses; at least one.
  absl::StatusOr<std::string> SignScheduler(const std::string& request,
                                            const std::vector<std::string>& hosts, absl::Time now,
                                            absl::Duration life = kSchedulerLife) const;

  /// PEM.
  const std::string& certificate() const { return authority_.certificate; }

 private:
  explicit CertificateAuthority(KeyPair authority) : authority_(std::move(authority)) {}
  KeyPair authority_;
};

/// OK for what may be a node's name: letters, digits, '-', '_' and '.', at most
/// 253, as host names have. INVALID_ARGUMENT.
absl::Status CheckNodeName(const std::string& name);

}  // namespace octet::identity

#endif  // OCTET_IDENTITY_CERTIFICATE_H_
