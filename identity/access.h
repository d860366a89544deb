// What each method of the API is open to, from the options in its .proto file.
#ifndef OCTET_IDENTITY_ACCESS_H_
#define OCTET_IDENTITY_ACCESS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "octet/v1/access.pb.h"
#include "octet/v1/identity.pb.h"

namespace octet::identity {

struct Method {
  std::string name;  // such as JobService/CreateJob
  v1::Access access;
};

/// Every method that the scheduler serves, in the order of the files. Made
/// once; thread-safe.
const std::vector<Method>& ApiMethods();
/// Dies when there is no such method: names are constants of the code.
const Method& FindMethod(const std::string& name);

/// Whether the role alone opens the method. caller null: somebody without an
/// identity. UNAUTHENTICATED: an identity is needed. PERMISSION_DENIED names
/// the role that the caller has and the least that it takes, or that rights
/// which end at a team do not reach so far. ROLE_LOCAL opens everything.
absl::Status CheckRole(const Method& method, const v1::Principal* caller);

/// viewer, user, operator, admin, node or local.
std::string RoleName(v1::Role role);
/// A role that tokens can have. INVALID_ARGUMENT lists the names.
absl::StatusOr<v1::Role> ParseRole(const std::string& name);

}  // namespace octet::identity

#endif  // OCTET_IDENTITY_ACCESS_H_
