// Every method of the API as everybody, held against the table in
// docs/security.md.
#include "identity/access.h"

#include <fstream>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "google/protobuf/dynamic_message.h"
#include "gtest/gtest.h"
#include "identity/certificate.h"
#include "identity/tls.h"
#include "octet/v1/identity.grpc.pb.h"
#include "scheduler/server/codec.h"
#include "scheduler/server/token_book.h"
#include "tests/identity/test_authority.h"
#include "tests/scheduler/server/any_call.h"
#include "tests/scheduler/server/cluster.h"

namespace octet::scheduler {
namespace {

using google::protobuf::Message;

/// One row of the table, by the names of its columns.
using Row = std::map<std::string, std::string>;

std::vector<std::string> Cells(const std::string& line) {
  std::vector<std::string> cells;
  for (absl::string_view cell : absl::StrSplit(line, '|'))
    cells.emplace_back(absl::StripAsciiWhitespace(cell));
  return {cells.begin() + 1, cells.end() - 1};
}

std::map<std::string, Row> ReadTable() {
  std::ifstream file(OCTET_SECURITY_DOC);
  std::map<std::string, Row> table;
  std::vector<std::string> columns;
  for (std::string line; std::getline(file, line);) {
    if (absl::StartsWith(line, "| method |")) columns = Cells(line);
    if (columns.empty() || !absl::StartsWith(line, "| `") || absl::StrContains(line, "/*"))
      continue;
    const std::vector<std::string> cells = Cells(line);
    Row& row = table[cells[0].substr(1, cells[0].size() - 2)];
    for (size_t i = 1; i < cells.size(); ++i) row[columns[i]] = cells[i];
  }
  return table;
}

/// Who calls: with which credentials, and who the table takes that for.
struct Caller {
  std::string name;
  std::string column;  // of the table; empty: somebody who counts as nobody
  std::string team;    // at which the rights end
  bool own = true;     // the job and node that are asked for are theirs
  std::string token;
  std::shared_ptr<grpc::ChannelCredentials> credentials;
};

class AccessTest : public testing::Test {
 protected:
  AccessTest() : cluster_(WriteTls(), WithEndedToken()) {
    caller_ = identity::CallerCredentials(authority_.pair.certificate).value();
  }

  std::string WriteTls() {
    authority_.WriteTo(tls_.path());
    return tls_.path();
  }

  /// A store in which one token has ended.
  ServerDependencies WithEndedToken() {
    ServerDependencies dependencies{.store = NewMemoryStore()};
    ManualClock earlier(absl::Now() - absl::Hours(2));
    const auto book = TokenBook::Open(*dependencies.store, earlier).value();
    v1::CreateTokenRequest request = TokenRequest(v1::ROLE_ADMIN, "");
    *request.mutable_expire_time() = ToTimestamp(absl::Now() - absl::Hours(1));
    ended_ = book->Create(request, v1::Principal()).value().text();
    return dependencies;
  }

  static v1::CreateTokenRequest TokenRequest(v1::Role role, const std::string& team) {
    v1::CreateTokenRequest request;
    if (role != v1::ROLE_NODE) request.set_user("ada");
    request.set_role(role);
    request.set_team(team);
    *request.mutable_expire_time() = ToTimestamp(absl::Now() + absl::Hours(1));
    return request;
  }

  std::unique_ptr<v1::IdentityService::Stub> Local() {
    return v1::IdentityService::NewStub(cluster_.channel());
  }

  v1::CreateTokenResponse CreateToken(const v1::CreateTokenRequest& request) {
    v1::CreateTokenResponse response;
    const grpc::Status status = Local()->CreateToken(NewContext().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  std::shared_ptr<grpc::Channel> Dial(
      const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(cluster_.address(1), credentials, arguments);
  }

  static std::shared_ptr<grpc::ChannelCredentials> WithCertificate(const std::string& authority,
                                                                   const identity::KeyPair& pair) {
    return grpc::SslCredentials({authority, pair.key, pair.certificate});
  }

  std::vector<Caller> People();
  std::vector<Caller> Machines();
  std::vector<Caller> Strangers();

  TempDir tls_;
  const TestAuthority authority_;
  std::shared_ptr<grpc::ChannelCredentials> caller_;
  std::string ended_;  // a token
  TestCluster cluster_;
};

constexpr std::pair<v1::Role, const char*> kRoles[] = {{v1::ROLE_VIEWER, "viewer"},
                                                       {v1::ROLE_USER, "user"},
                                                       {v1::ROLE_OPERATOR, "operator"},
                                                       {v1::ROLE_ADMIN, "admin"}};

// Of all teams, of the team whose job is asked for, and of another.
std::vector<Caller> AccessTest::People() {
  std::vector<Caller> people;
  for (const auto& [role, name] : kRoles)
    for (const char* team : {"", "vision", "speech"})
      people.push_back({.name = absl::StrCat(name, " of ", *team == '\0' ? "all" : team),
                        .column = name,
                        .team = team,
                        .own = std::string(team) != "speech",
                        .token = CreateToken(TokenRequest(role, team)).text(),
                        .credentials = caller_});
  return people;
}

std::vector<Caller> AccessTest::Machines() {
  const auto node = [&](const std::string& name, bool own) {
    return Caller{
        .name = "node " + name,
        .column = "node",
        .own = own,
        .credentials = WithCertificate(authority_.pair.certificate, authority_.NodePair(name))};
  };
  return {node("n1", true), node("n2", false)};
}

std::vector<Caller> AccessTest::Strangers() {
  const auto revoked = CreateToken(TokenRequest(v1::ROLE_ADMIN, ""));
  v1::RevokeTokenRequest revoke;
  revoke.set_token_id(revoked.token().id());
  v1::Token token;
  EXPECT_TRUE(Local()->RevokeToken(NewContext().get(), revoke, &token).ok());
  v1::RevokeNodeRequest shut_out;
  shut_out.set_node("n3");
  v1::RevokeNodeResponse done;
  EXPECT_TRUE(Local()->RevokeNode(NewContext().get(), shut_out, &done).ok());

  std::string forged = CreateToken(TokenRequest(v1::ROLE_ADMIN, "")).text();
  forged.back() = forged.back() == '0' ? '1' : '0';
  const auto with_token = [&](const char* name, const std::string& text) {
    return Caller{.name = name, .column = "nobody", .token = text, .credentials = caller_};
  };
  const auto with_pair = [&](const char* name, const char* column, const identity::KeyPair& pair) {
    return Caller{.name = name,
                  .column = column,
                  .credentials = WithCertificate(authority_.pair.certificate, pair)};
  };
  return {
      {.name = "nobody", .column = "nobody", .credentials = caller_},
      with_token("an expired token", ended_),
      with_token("a revoked token", revoked.text()),
      with_token("a forged token", forged),
      with_token("no token at all", "octet"),
      with_token("a join token", CreateToken(TokenRequest(v1::ROLE_NODE, "")).text()),
      with_pair("a revoked node", "nobody", authority_.NodePair("n3")),
      // These do not even get a connection.
      with_pair("a node of another authority", "", TestAuthority().NodePair("n1")),
      with_pair("an expired node", "",
                authority_.NodePair("n1", absl::Now() - identity::kNodeLife - absl::Hours(1))),
      with_pair("the scheduler's own certificate", "", authority_.scheduler),
  };
}

/// A request about job j1 and node n1, which changes nothing that others ask
/// for afterwards.
std::string RequestFor(const identity::Method& method) {
  const std::vector<std::string> parts = absl::StrSplit(method.name, '/');
  const auto* descriptor = google::protobuf::DescriptorPool::generated_pool()
                               ->FindServiceByName("octet.v1." + parts[0])
                               ->FindMethodByName(parts[1]);
  std::unique_ptr<Message> request(google::protobuf::MessageFactory::generated_factory()
                                       ->GetPrototype(descriptor->input_type())
                                       ->New());
  const auto* reflection = request->GetReflection();
  const auto set = [&](Message& message, const char* name, const std::string& value) {
    const auto* field = message.GetDescriptor()->FindFieldByName(name);
    if (field != nullptr && field->cpp_type() == field->CPPTYPE_STRING)
      message.GetReflection()->SetString(&message, field, value);
  };
  set(*request, "job_id", "j1");
  if (const auto* ref = request->GetDescriptor()->FindFieldByName("ref"))
    set(*reflection->MutableMessage(request.get(), ref), "job_id", "j1");
  if (const auto* attempt = request->GetDescriptor()->FindFieldByName("attempt"))
    reflection->SetInt32(request.get(), attempt, 1);
  if (auto* create = dynamic_cast<v1::CreateJobRequest*>(request.get())) {
    *create->mutable_spec() = TrainJob("a", 1);
    create->mutable_spec()->set_team("vision");
    create->set_validate_only(true);
  }
  if (auto* list = dynamic_cast<v1::ListJobsRequest*>(request.get()))
    list->set_filter("team=vision");
  if (auto* hello = dynamic_cast<v1::AgentMessage*>(request.get()))
    hello->mutable_hello()->mutable_node()->set_name("n1");
  if (auto* create = dynamic_cast<v1::CreateTokenRequest*>(request.get())) {
    create->set_user("eve");
    create->set_team("vision");
    create->set_role(v1::ROLE_VIEWER);
    *create->mutable_expire_time() = ToTimestamp(absl::Now() + absl::Hours(1));
  }
  return request->SerializeAsString();
}

grpc::Status CallOnce(const Caller& caller, const std::shared_ptr<grpc::Channel>& channel,
                      const std::string& method, const std::string& request) {
  return Ask(channel, "/octet.v1." + method, request, caller.token).status;
}

bool IsShutOut(const grpc::Status& status) {
  return status.error_code() == grpc::UNAUTHENTICATED ||
         status.error_code() == grpc::PERMISSION_DENIED;
}

bool TableOpens(const Row& row, const Caller& caller) {
  const std::string& cell = row.at(caller.column);
  if (cell == "-" || (cell == "own" && !caller.own)) return false;
  if (caller.team.empty()) return true;
  const std::string& team = row.at("team");
  return team != "-" && (team != "own" || caller.own);
}

TEST_F(AccessTest, EveryMethodIsOpenToThoseWhomTheTableOpensItTo) {
  FakeAgent agent(cluster_, "n1", 1);
  ASSERT_TRUE(agent.Connect().first.ok());
  v1::JobSpec spec = TrainJob("a", 1);
  spec.set_team("vision");
  ASSERT_TRUE(cluster_.Create(spec).first.ok());
  agent.ReportStarted(agent.NextStart().ref());

  const auto table = ReadTable();
  std::vector<Caller> callers = People();
  for (const auto& more : {Machines(), Strangers()})
    callers.insert(callers.end(), more.begin(), more.end());
  for (const Caller& caller : callers) {
    const auto channel = Dial(caller.credentials);
    for (const identity::Method& method : identity::ApiMethods()) {
      SCOPED_TRACE(absl::StrCat(method.name, " by ", caller.name));
      ASSERT_TRUE(table.contains(method.name)) << "docs/security.md does not list it";
      const grpc::Status status = CallOnce(caller, channel, method.name, RequestFor(method));
      if (caller.column.empty()) {
        EXPECT_EQ(status.error_code(), grpc::UNAVAILABLE) << status.error_message();
        continue;
      }
      EXPECT_EQ(!IsShutOut(status), TableOpens(table.at(method.name), caller))
          << status.error_code() << ": " << status.error_message();
      EXPECT_NE(status.error_code(), grpc::UNAVAILABLE) << status.error_message();
    }
  }
}

TEST_F(AccessTest, TheTableListsEveryMethodAndItsAccessAsTheApiSays) {
  const auto table = ReadTable();
  EXPECT_EQ(table.size(), identity::ApiMethods().size());
  for (const identity::Method& method : identity::ApiMethods()) {
    ASSERT_TRUE(table.contains(method.name)) << method.name;
    const Row& row = table.at(method.name);
    EXPECT_EQ(row.at("audited") == "yes", method.access.audited()) << method.name;
    EXPECT_EQ(row.at("nobody") == "yes", method.access.anyone()) << method.name;
  }
}

TEST_F(AccessTest, WhatTheApiDoesNotNameIsNotServed) {
  const std::string admin = CreateToken(TokenRequest(v1::ROLE_ADMIN, "")).text();
  const std::string reflection = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
  EXPECT_EQ(Ask(Dial(caller_), reflection, "", admin).status.error_code(), grpc::UNIMPLEMENTED);
}

TEST_F(AccessTest, PlainTextIsNotSpokenOnThePortOfTls) {
  const Caller stranger{.credentials = grpc::InsecureChannelCredentials()};
  EXPECT_EQ(CallOnce(stranger, Dial(stranger.credentials), "JobService/ListJobs", "").error_code(),
            grpc::UNAVAILABLE);
}

/// Joins as `node`, as an agent does.
class JoinTest : public AccessTest {
 protected:
  std::pair<grpc::Status, v1::NodeCertificate> Join(const std::string& token,
                                                    const std::string& node) {
    v1::JoinNodeRequest request;
    request.set_join_token(token);
    request.set_node(node);
    request.set_certificate_request(identity::RequestCertificate(key_).value());
    v1::NodeCertificate certificate;
    const auto stub = v1::IdentityService::NewStub(Dial(caller_));
    const grpc::Status status = stub->JoinNode(NewContext().get(), request, &certificate);
    return {status, certificate};
  }

  std::string JoinToken(const std::string& node = "", int uses = 0) {
    v1::CreateTokenRequest request = TokenRequest(v1::ROLE_NODE, "");
    request.set_node(node);
    request.set_uses(uses);
    return CreateToken(request).text();
  }

  grpc::Status WhoAmI(const v1::NodeCertificate& certificate, v1::Principal* answer) {
    const auto channel =
        Dial(WithCertificate(authority_.pair.certificate, {certificate.certificate(), key_}));
    return v1::IdentityService::NewStub(channel)->WhoAmI(NewContext().get(), {}, answer);
  }

  const std::string key_ = identity::GenerateKey();
};

TEST_F(JoinTest, ATokenTakesOneNodeInAndIsRefusedAfterwards) {
  const std::string token = JoinToken();
  const auto [joined, certificate] = Join(token, "n7");
  ASSERT_TRUE(joined.ok()) << joined.error_message();
  v1::Principal who;
  ASSERT_TRUE(WhoAmI(certificate, &who).ok());
  EXPECT_EQ(who.name(), "n7");
  EXPECT_EQ(who.role(), v1::ROLE_NODE);
  EXPECT_EQ(Join(token, "n7").first.error_code(), grpc::UNAUTHENTICATED) << "replayed";
  EXPECT_EQ(Join(token, "n8").first.error_code(), grpc::UNAUTHENTICATED) << "reused";
}

TEST_F(JoinTest, ATokenForSeveralNodesCountsThem) {
  const std::string token = JoinToken("", 2);
  EXPECT_TRUE(Join(token, "n7").first.ok());
  EXPECT_TRUE(Join(token, "n8").first.ok());
  EXPECT_EQ(Join(token, "n9").first.error_code(), grpc::UNAUTHENTICATED);
}

TEST_F(JoinTest, ATokenForOneNodeTakesNoOther) {
  const std::string token = JoinToken("n7");
  EXPECT_EQ(Join(token, "n8").first.error_code(), grpc::UNAUTHENTICATED);
  EXPECT_TRUE(Join(token, "n7").first.ok()) << "a refusal uses nothing";
}

TEST_F(JoinTest, ANameThatHoldsACertificateIsGivenAgainByNameOnly) {
  ASSERT_TRUE(Join(JoinToken(), "n7").first.ok());
  const std::string token = JoinToken();
  EXPECT_EQ(Join(token, "n7").first.error_code(), grpc::ALREADY_EXISTS);
  EXPECT_TRUE(Join(token, "n8").first.ok()) << "a refusal uses nothing";
  EXPECT_TRUE(Join(JoinToken("n7"), "n7").first.ok());
}

TEST_F(JoinTest, ARevokedTokenTakesNobodyIn) {
  const auto token = CreateToken(TokenRequest(v1::ROLE_NODE, ""));
  v1::RevokeTokenRequest revoke;
  revoke.set_token_id(token.token().id());
  v1::Token revoked;
  ASSERT_TRUE(Local()->RevokeToken(NewContext().get(), revoke, &revoked).ok());
  EXPECT_EQ(Join(token.text(), "n7").first.error_code(), grpc::UNAUTHENTICATED);
}

TEST_F(JoinTest, ARevokedNodeIsShutOutAndComesBackByName) {
  const auto [joined, certificate] = Join(JoinToken(), "n7");
  ASSERT_TRUE(joined.ok());
  v1::RevokeNodeRequest revoke;
  revoke.set_node("n7");
  v1::RevokeNodeResponse done;
  ASSERT_TRUE(Local()->RevokeNode(NewContext().get(), revoke, &done).ok());
  v1::Principal who;
  EXPECT_EQ(WhoAmI(certificate, &who).error_code(), grpc::UNAUTHENTICATED);
  EXPECT_EQ(Join(JoinToken(), "n7").first.error_code(), grpc::ALREADY_EXISTS);
  const auto [again, fresh] = Join(JoinToken("n7"), "n7");
  ASSERT_TRUE(again.ok()) << again.error_message();
  EXPECT_TRUE(WhoAmI(fresh, &who).ok());
  EXPECT_EQ(WhoAmI(certificate, &who).error_code(), grpc::UNAUTHENTICATED) << "the old one";
}

TEST_F(JoinTest, ANodeRenewsItsOwnCertificate) {
  const auto [joined, certificate] = Join(JoinToken(), "n7");
  ASSERT_TRUE(joined.ok());
  v1::RenewNodeRequest request;
  request.set_certificate_request(identity::RequestCertificate(key_).value());
  v1::NodeCertificate renewed;
  const auto channel =
      Dial(WithCertificate(authority_.pair.certificate, {certificate.certificate(), key_}));
  const grpc::Status status =
      v1::IdentityService::NewStub(channel)->RenewNode(NewContext().get(), request, &renewed);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(identity::ReadCertificate(renewed.certificate()).value().node, "n7");
}

TEST_F(AccessTest, TheAuditLogTellsWhoDidWhatAndWhatWasRefused) {
  const Caller viewer{.token = CreateToken(TokenRequest(v1::ROLE_VIEWER, "")).text(),
                      .credentials = caller_};
  v1::CancelJobRequest cancel;
  cancel.set_job_id("j5");
  EXPECT_TRUE(IsShutOut(
      CallOnce(viewer, Dial(caller_), "JobService/CancelJob", cancel.SerializeAsString())));
  v1::ListAuditRequest request;
  request.set_filter("target=j5");
  v1::ListAuditResponse log;
  ASSERT_TRUE(Local()->ListAudit(NewContext().get(), request, &log).ok());
  ASSERT_EQ(log.entries_size(), 1);
  const v1::AuditEntry& entry = log.entries(0);
  EXPECT_EQ(entry.principal().name(), "ada");
  EXPECT_EQ(entry.principal().role(), v1::ROLE_VIEWER);
  EXPECT_EQ(entry.method(), "JobService/CancelJob");
  EXPECT_EQ(entry.code(), "PERMISSION_DENIED");
  EXPECT_FALSE(absl::StrContains(log.DebugString(), viewer.token)) << "a secret";
}

TEST_F(AccessTest, TokensOutliveTheScheduler) {
  // On the disk, where the store holds hashes alone.
  cluster_.Restart({});
  const std::string token = CreateToken(TokenRequest(v1::ROLE_VIEWER, "")).text();
  cluster_.Restart({});
  const Caller viewer{.token = token, .credentials = caller_};
  EXPECT_TRUE(CallOnce(viewer, Dial(caller_), "IdentityService/WhoAmI", "").ok());
  for (const auto& file : std::filesystem::directory_iterator(cluster_.options().dir)) {
    if (!file.is_regular_file()) continue;
    std::ifstream content(file.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(content)), {});
    EXPECT_FALSE(absl::StrContains(bytes, token.substr(token.rfind('_') + 1))) << file.path();
  }
}

}  // namespace
}  // namespace octet::scheduler
