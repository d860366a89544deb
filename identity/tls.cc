#include "identity/tls.h"

#include <sys/stat.h>

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/files.h"
#include "common/status.h"
#include "grpcpp/security/tls_certificate_provider.h"
#include "grpcpp/security/tls_credentials_options.h"

namespace octet::identity {
namespace {

using grpc::experimental::FileWatcherCertificateProvider;

absl::Status CheckNotEnded(const std::string& path, const std::string& pem) {
  auto info = ReadCertificate(pem);
  RETURN_IF_ERROR(Annotate(info.status(), path));
  if (info->end > absl::Now()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(path, ": ended at ", absl::FormatTime(info->end, absl::UTCTimeZone()),
                   "; `octet ca renew` makes a new one"));
}

// Key and certificate are read at different moments: the provider takes them
// only when they belong together, and looks again otherwise.
std::shared_ptr<FileWatcherCertificateProvider> Watch(const std::string& key,
                                                      const std::string& certificate,
                                                      const std::string& authority,
                                                      absl::Duration look_again) {
  return std::make_shared<FileWatcherCertificateProvider>(
      key, certificate, authority, static_cast<unsigned>(absl::ToInt64Seconds(look_again)));
}

}  // namespace

absl::Status WriteKeyPair(const std::string& certificate_path, const std::string& key_path,
                          const KeyPair& pair) {
  RETURN_IF_ERROR(MakeFolders(std::filesystem::path(key_path).parent_path(), 0700));
  RETURN_IF_ERROR(WriteFileAtomic(key_path, pair.key, 0600));
  return WriteFileAtomic(certificate_path, pair.certificate);
}

absl::StatusOr<KeyPair> ReadKeyPair(const std::string& certificate_path,
                                    const std::string& key_path) {
  struct stat info;
  if (stat(key_path.c_str(), &info) != 0) return ErrnoStatus("cannot read the key", key_path);
  if ((info.st_mode & S_IRWXO) != 0)
    return absl::FailedPreconditionError(
        absl::StrCat(key_path,
                     ": everybody can read this key; `chmod 600` it, and make another "
                     "if somebody may have"));
  KeyPair pair;
  ASSIGN_OR_RETURN(pair.certificate, ReadFile(certificate_path));
  ASSIGN_OR_RETURN(pair.key, ReadFile(key_path));
  return pair;
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> SchedulerCredentials(
    const TlsFolder& folder, absl::Duration look_again) {
  ASSIGN_OR_RETURN(const KeyPair pair, ReadKeyPair(folder.scheduler(), folder.scheduler_key()));
  RETURN_IF_ERROR(CheckNotEnded(folder.scheduler(), pair.certificate));
  RETURN_IF_ERROR(ReadFile(folder.authority()).status());
  grpc::experimental::TlsServerCredentialsOptions options(
      Watch(folder.scheduler_key(), folder.scheduler(), folder.authority(), look_again));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  return grpc::experimental::TlsServerCredentials(options);
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> NodeCredentials(
    const TlsFolder& folder, absl::Duration look_again) {
  ASSIGN_OR_RETURN(const KeyPair pair, ReadKeyPair(folder.node(), folder.node_key()));
  RETURN_IF_ERROR(CheckNotEnded(folder.node(), pair.certificate));
  RETURN_IF_ERROR(ReadFile(folder.authority()).status());
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(
      Watch(folder.node_key(), folder.node(), folder.authority(), look_again));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  return grpc::experimental::TlsCredentials(options);
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> CallerCredentials(
    const std::string& authority) {
  RETURN_IF_ERROR(Annotate(ReadCertificate(authority).status(), "the authority's certificate"));
  return grpc::SslCredentials({.pem_root_certs = authority});
}

std::shared_ptr<grpc::CallCredentials> BearerToken(const std::string& token) {
  return grpc::AccessTokenCredentials(token);
}

}  // namespace octet::identity
