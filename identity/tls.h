// gRPC credentials from certificates, and the files that they come from.
#ifndef OCTET_IDENTITY_TLS_H_
#define OCTET_IDENTITY_TLS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"
#include "identity/certificate.h"

namespace octet::identity {

/// Where certificates and keys are in a folder. Keys are files of mode 0600.
struct TlsFolder {
  std::string dir;

  std::string authority() const { return dir + "/ca.crt"; }
  std::string authority_key() const { return dir + "/ca.key"; }
  std::string scheduler() const { return dir + "/scheduler.crt"; }
  std::string scheduler_key() const { return dir + "/scheduler.key"; }
  std::string node() const { return dir + "/node.crt"; }
  std::string node_key() const { return dir + "/node.key"; }
};

/// Replaces both files as one: a reader that sees the new certificate sees its
/// key. The folder is made for its owner alone. Errors name the file.
absl::Status WriteKeyPair(const std::string& certificate_path, const std::string& key_path,
                          const KeyPair& pair);
/// NOT_FOUND, PERMISSION_DENIED, or FAILED_PRECONDITION when everybody can read
/// the key. Its group may: that is how Kubernetes mounts a Secret.
absl::StatusOr<KeyPair> ReadKeyPair(const std::string& certificate_path,
                                    const std::string& key_path);

/// How often files are looked at again, so that a renewed certificate needs no
/// restart.
inline constexpr absl::Duration kLookAgain = absl::Seconds(10);

/// The scheduler's side. Callers may show a certificate; one that the authority
/// did not sign, or that has ended, ends the connection. Renewed files count
/// for the next connection. Errors as ReadKeyPair's; FAILED_PRECONDITION: the
/// certificate has ended. look_again: whole seconds, at least 1.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> SchedulerCredentials(
    const TlsFolder& folder, absl::Duration look_again = kLookAgain);

/// The side of an agent that has joined: it proves its node, and wants the
/// scheduler to be the authority's, by the name that it dials. Else as
/// SchedulerCredentials.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> NodeCredentials(
    const TlsFolder& folder, absl::Duration look_again = kLookAgain);

/// The side of those without a certificate: people, and agents that join.
/// authority: PEM; may hold several certificates.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> CallerCredentials(
    const std::string& authority);

/// Adds `authorization: Bearer TOKEN` to every call; only ever sent over TLS.
std::shared_ptr<grpc::CallCredentials> BearerToken(const std::string& token);

}  // namespace octet::identity

#endif  // OCTET_IDENTITY_TLS_H_
