#include "identity/access.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "octet/v1/agents.pb.h"
#include "octet/v1/artifacts.pb.h"
#include "octet/v1/events.pb.h"
#include "octet/v1/jobs.pb.h"
#include "octet/v1/logs.pb.h"
#include "octet/v1/nodes.pb.h"

namespace octet::identity {
namespace {

using google::protobuf::FileDescriptor;

// Each by one of its messages, which has the file linked into the program.
std::vector<const FileDescriptor*> ServedFiles() {
  return {v1::Job::descriptor()->file(),
          v1::Node::descriptor()->file(),
          v1::AgentMessage::descriptor()->file(),
          v1::Artifact::descriptor()->file(),
          v1::ReadLogRequest::descriptor()->file(),
          v1::Event::descriptor()->file(),
          v1::Principal::descriptor()->file()};
}

std::vector<Method> ReadMethods() {
  std::vector<Method> methods;
  for (const FileDescriptor* file : ServedFiles())
    for (int i = 0; i < file->service_count(); ++i)
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        const auto* method = file->service(i)->method(j);
        methods.push_back({absl::StrCat(file->service(i)->name(), "/", method->name()),
                           method->options().GetExtension(v1::access)});
      }
  return methods;
}

struct NamedRole {
  v1::Role role;
  const char* name;
};
constexpr NamedRole kRoles[] = {{v1::ROLE_VIEWER, "viewer"},     {v1::ROLE_USER, "user"},
                                {v1::ROLE_OPERATOR, "operator"}, {v1::ROLE_ADMIN, "admin"},
                                {v1::ROLE_NODE, "node"},         {v1::ROLE_LOCAL, "local"}};

// Roles of people are numbered in their order.
bool Opens(const v1::Access& access, v1::Role role) {
  if (role == v1::ROLE_NODE) return access.node();
  return access.least() != v1::ROLE_UNSPECIFIED && role >= access.least();
}

}  // namespace

const std::vector<Method>& ApiMethods() {
  static const auto& methods = *new std::vector<Method>(ReadMethods());
  return methods;
}

const Method& FindMethod(const std::string& name) {
  const auto& methods = ApiMethods();
  const auto found = std::find_if(methods.begin(), methods.end(),
                                  [&](const Method& method) { return method.name == name; });
  if (found != methods.end()) return *found;
  std::fprintf(stderr, "the API has no method %s\n", name.c_str());
  std::abort();
}

absl::Status CheckRole(const Method& method, const v1::Principal* caller) {
  const v1::Access& access = method.access;
  if (access.anyone()) return absl::OkStatus();
  if (caller == nullptr)
    return absl::UnauthenticatedError(absl::StrCat(method.name, " needs an identity"));
  if (caller->role() == v1::ROLE_LOCAL) return absl::OkStatus();
  if (!Opens(access, caller->role()))
    return absl::PermissionDeniedError(
        absl::StrCat(method.name, " takes the role ",
                     access.least() == v1::ROLE_UNSPECIFIED ? "node" : RoleName(access.least()),
                     "; ", caller->name(), " has the role ", RoleName(caller->role())));
  if (access.cluster() && !caller->team().empty())
    return absl::PermissionDeniedError(absl::StrCat(
        method.name, " is about the whole cluster; your rights end at team ", caller->team()));
  return absl::OkStatus();
}

std::string RoleName(v1::Role role) {
  for (const NamedRole& each : kRoles)
    if (each.role == role) return each.name;
  return "none";
}

absl::StatusOr<v1::Role> ParseRole(const std::string& name) {
  for (const NamedRole& each : kRoles)
    if (each.name == name && each.role != v1::ROLE_LOCAL) return each.role;
  return absl::InvalidArgumentError(
      absl::StrCat("there is no role \"", name, "\": viewer, user, operator, admin or node"));
}

}  // namespace octet::identity
