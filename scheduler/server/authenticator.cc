#include "scheduler/server/authenticator.h"

#include <pwd.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "grpc/grpc_security_constants.h"
#include "grpcpp/security/auth_context.h"

namespace octet::scheduler {
namespace {

// gRPC's word for InsecureServerCredentials, which has no constant in its API.
constexpr char kPlainText[] = "insecure";

// The number where the user has no name, as in many containers.
std::string UserName(uid_t uid) {
  passwd entry;
  passwd* found = nullptr;
  std::vector<char> buffer(1 << 14);
  if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
    return found->pw_name;
  return absl::StrCat(uid);
}

v1::Principal LocalUser() {
  v1::Principal user;
  user.set_name(UserName(getuid()));
  user.set_role(v1::ROLE_LOCAL);
  return user;
}

// Empty: there is none.
std::string Property(const grpc::AuthContext& context, const char* name) {
  const std::vector<grpc::string_ref> values = context.FindPropertyValues(name);
  return values.empty() ? "" : std::string(values.front().data(), values.front().size());
}

}  // namespace

CallerCheck::CallerCheck(const TokenBook& tokens, const NodeBook& nodes)
    : tokens_(tokens), nodes_(nodes), local_user_(LocalUser()) {}

absl::StatusOr<v1::Principal> CallerCheck::Identify(const grpc::ServerContextBase& context) const {
  const auto connection = context.auth_context();
  // Whatever is not known to be the Unix socket has to prove itself.
  if (Property(*connection, GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME) == kPlainText &&
      absl::StartsWith(context.peer(), "unix:"))
    return local_user_;
  const auto& metadata = context.client_metadata();
  if (const auto found = metadata.find("authorization"); found != metadata.end())
    return tokens_.Check(std::string_view(found->second.data(), found->second.size()));
  const std::string certificate = Property(*connection, GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (!certificate.empty()) return nodes_.Check(certificate);
  return absl::UnauthenticatedError(
      "the scheduler does not know who calls: `octet login` keeps a token, which an admin makes "
      "with `octet token create`");
}

}  // namespace octet::scheduler
