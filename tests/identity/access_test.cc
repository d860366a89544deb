#include "identity/access.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.pb.h"
#include "proto/descriptors.h"

namespace octet::identity {
namespace {

using testing::HasSubstr;

v1::Principal Caller(v1::Role role, const std::string& team = "") {
  v1::Principal caller;
  caller.set_name("ada");
  caller.set_role(role);
  caller.set_team(team);
  return caller;
}

absl::Status Check(const std::string& method, v1::Role role, const std::string& team = "") {
  const v1::Principal caller = Caller(role, team);
  return CheckRole(FindMethod(method), &caller);
}

// What the .proto files say; agents serve RankService to their own ranks on a
// socket of their own.
std::set<std::string> DeclaredMethods() {
  google::protobuf::FileDescriptorSet files;
  const std::string_view bytes = ApiDescriptors();
  EXPECT_TRUE(files.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  std::set<std::string> names;
  for (const auto& file : files.file())
    for (const auto& service : file.service())
      for (const auto& method : service.method())
        if (service.name() != "RankService")
          names.insert(absl::StrCat(service.name(), "/", method.name()));
  return names;
}

TEST(AccessTest, EveryMethodOfTheApiIsListed) {
  std::set<std::string> names;
  for (const Method& method : ApiMethods()) names.insert(method.name);
  EXPECT_EQ(names, DeclaredMethods());
  EXPECT_EQ(names.size(), ApiMethods().size()) << "one is listed twice";
}

TEST(AccessTest, EveryMethodSaysWhoMayCallIt) {
  for (const Method& method : ApiMethods()) {
    const v1::Access& access = method.access;
    EXPECT_TRUE(access.anyone() || access.node() || access.least() != v1::ROLE_UNSPECIFIED)
        << method.name << " has no option (octet.v1.access) in its .proto file";
    EXPECT_LE(access.least(), v1::ROLE_ADMIN) << method.name << ": `least` is a role of people";
  }
}

TEST(AccessTest, EachRoleMayDoWhatThoseBeforeItMay) {
  for (const Method& method : ApiMethods()) {
    bool open = method.access.anyone();
    for (const v1::Role role :
         {v1::ROLE_VIEWER, v1::ROLE_USER, v1::ROLE_OPERATOR, v1::ROLE_ADMIN}) {
      const bool allowed = Check(method.name, role).ok();
      EXPECT_TRUE(allowed || !open) << method.name << ": " << RoleName(role);
      open = allowed;
    }
    EXPECT_TRUE(Check(method.name, v1::ROLE_LOCAL).ok()) << method.name;
  }
}

TEST(AccessTest, ARoleOpensWhatItsNameSays) {
  EXPECT_TRUE(Check("JobService/ListJobs", v1::ROLE_VIEWER).ok());
  EXPECT_FALSE(Check("JobService/CreateJob", v1::ROLE_VIEWER).ok());
  EXPECT_TRUE(Check("JobService/CreateJob", v1::ROLE_USER).ok());
  EXPECT_FALSE(Check("NodeService/DrainNode", v1::ROLE_USER).ok());
  EXPECT_TRUE(Check("NodeService/DrainNode", v1::ROLE_OPERATOR).ok());
  EXPECT_FALSE(Check("IdentityService/CreateToken", v1::ROLE_OPERATOR).ok());
  EXPECT_TRUE(Check("IdentityService/CreateToken", v1::ROLE_ADMIN).ok());
}

TEST(AccessTest, NodesAndPeopleDoNotDoEachOthersWork) {
  for (const v1::Role role : {v1::ROLE_VIEWER, v1::ROLE_ADMIN})
    EXPECT_EQ(Check("IdentityService/RenewNode", role).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(Check("IdentityService/RenewNode", v1::ROLE_NODE).ok());
  for (const char* method : {"JobService/CreateJob", "IdentityService/CreateToken",
                             "IdentityService/RevokeNode", "NodeService/DrainNode"})
    EXPECT_EQ(Check(method, v1::ROLE_NODE).code(), absl::StatusCode::kPermissionDenied) << method;
}

TEST(AccessTest, WithoutAnIdentityOnlyJoiningIsOpen) {
  for (const Method& method : ApiMethods()) {
    const absl::Status status = CheckRole(method, nullptr);
    if (method.name == "IdentityService/JoinNode") {
      EXPECT_TRUE(status.ok()) << status;
    } else {
      EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated) << method.name;
    }
  }
}

TEST(AccessTest, AnIdentityWithoutARoleOpensNothing) {
  for (const Method& method : ApiMethods())
    if (!method.access.anyone()) {
      EXPECT_FALSE(Check(method.name, v1::ROLE_UNSPECIFIED).ok()) << method.name;
    }
}

TEST(AccessTest, RightsThatEndAtATeamDoNotReachTheWholeCluster) {
  EXPECT_TRUE(Check("IdentityService/RevokeNode", v1::ROLE_ADMIN).ok());
  const absl::Status refused = Check("IdentityService/RevokeNode", v1::ROLE_ADMIN, "vision");
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("team vision"));
  EXPECT_TRUE(Check("IdentityService/CreateToken", v1::ROLE_ADMIN, "vision").ok());
}

TEST(AccessTest, ARefusalNamesTheRoleThatItTakesAndTheOneThatTheCallerHas) {
  const std::string message(Check("JobService/CreateJob", v1::ROLE_VIEWER).message());
  EXPECT_THAT(message, HasSubstr("JobService/CreateJob takes the role user"));
  EXPECT_THAT(message, HasSubstr("ada has the role viewer"));
  EXPECT_THAT(std::string(Check("IdentityService/RenewNode", v1::ROLE_ADMIN).message()),
              HasSubstr("takes the role node"));
}

TEST(AccessTest, RolesAreReadBackFromTheirNames) {
  for (const v1::Role role :
       {v1::ROLE_VIEWER, v1::ROLE_USER, v1::ROLE_OPERATOR, v1::ROLE_ADMIN, v1::ROLE_NODE})
    EXPECT_EQ(ParseRole(RoleName(role)).value(), role);
  EXPECT_EQ(RoleName(v1::ROLE_LOCAL), "local");
  for (const char* wrong : {"local", "none", "", "Admin", "root"})
    EXPECT_EQ(ParseRole(wrong).status().code(), absl::StatusCode::kInvalidArgument) << wrong;
  EXPECT_THAT(std::string(ParseRole("root").status().message()), HasSubstr("viewer, user"));
}

}  // namespace
}  // namespace octet::identity
