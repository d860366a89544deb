#include "client/token.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/call.h"
#include "client/output.h"
#include "identity/access.h"
#include "octet/v1/identity.grpc.pb.h"

namespace octet::client {
namespace {

using Stub = v1::IdentityService::StubInterface;

struct CreateOptions {
  std::string user, team, role, node, note;
  int uses = 0;
  bool join = false;
  absl::Duration life = absl::ZeroDuration();
};

std::string Day(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%d %H:%M", ToTime(time), absl::UTCTimeZone());
}

absl::StatusOr<v1::CreateTokenRequest> ToRequest(const CreateOptions& options, absl::Time now) {
  v1::CreateTokenRequest request;
  if (options.join == !options.role.empty())
    return absl::InvalidArgumentError(
        "give either --role, for a person or a script, or --join, for a node");
  request.set_role(v1::ROLE_NODE);
  if (!options.join) {
    ASSIGN_OR_RETURN(const v1::Role role, identity::ParseRole(options.role));
    request.set_role(role);
  }
  request.set_user(options.user);
  request.set_team(options.team);
  request.set_node(options.node);
  request.set_note(options.note);
  request.set_uses(options.uses);
  request.mutable_expire_time()->set_seconds(absl::ToUnixSeconds(now + options.life));
  return request;
}

absl::StatusOr<int> Create(Context& context, const CreateOptions& options) {
  ASSIGN_OR_RETURN(const v1::CreateTokenRequest request, ToRequest(options, context.clock.Now()));
  ASSIGN_OR_RETURN(const v1::CreateTokenResponse response,
                   Call<v1::IdentityService>(context, "CreateToken", &Stub::CreateToken, request));
  if (PrintMessage(context, response)) return kOk;
  // Alone on stdout, for scripts.
  context.out << response.text() << std::endl;
  context.err << "This is the only time that it is shown. `octet token revoke "
              << response.token().id() << "` ends it; it ends by itself at "
              << Day(response.token().expire_time()) << " UTC.\n";
  return kOk;
}

std::string StateOf(const v1::Token& token, absl::Time now) {
  if (token.has_revoke_time()) return "revoked";
  if (ToTime(token.expire_time()) <= now) return "expired";
  if (token.role() == v1::ROLE_NODE && token.uses_left() == 0) return "used";
  return "good";
}

absl::StatusOr<int> List(Context& context) {
  ASSIGN_OR_RETURN(
      const v1::ListTokensResponse response,
      Call<v1::IdentityService>(context, "ListTokens", &Stub::ListTokens, v1::ListTokensRequest()));
  if (PrintList(context, response.tokens())) return kOk;
  Table table({"ID", "FOR", "ROLE", "TEAM", "STATE", "EXPIRES (UTC)", "MADE BY", "NOTE"});
  for (const v1::Token& token : response.tokens()) {
    const bool join = token.role() == v1::ROLE_NODE;
    const std::string node = token.node().empty() ? absl::StrCat(token.uses_left(), " new nodes")
                                                  : "node " + token.node();
    table.Add({token.id(), join ? node : token.user(),
               join ? "join" : identity::RoleName(token.role()),
               token.team().empty() ? "-" : token.team(), StateOf(token, context.clock.Now()),
               Day(token.expire_time()), token.created_by(), token.note()});
  }
  table.Print(context.out);
  return kOk;
}

absl::StatusOr<int> Revoke(Context& context, const std::string& id) {
  v1::RevokeTokenRequest request;
  request.set_token_id(id);
  ASSIGN_OR_RETURN(const v1::Token token,
                   Call<v1::IdentityService>(context, "RevokeToken", &Stub::RevokeToken, request));
  if (!PrintMessage(context, token)) context.out << "token " << id << " is revoked\n";
  return kOk;
}

}  // namespace

void AddToken(Commands& commands) {
  CLI::App* group = commands.AddGroup("token", "Tokens of people, and those by which nodes join");
  auto options = std::make_shared<CreateOptions>();
  CLI::App* create = commands.AddTo(group, "create", "Make a token, and print it",
                                    [=](Context& context) { return Create(context, *options); });
  create->add_option("--user", options->user, "Whose it is");
  create->add_option("--role", options->role, "viewer, user, operator or admin");
  create->add_option("--team", options->team, "Where its rights end (default: all teams)");
  create->add_flag("--join", options->join, "For a node that is to join");
  create->add_option("--node", options->node, "Of --join: only this one (default: any new one)");
  create->add_option("--uses", options->uses, "Of --join: how many nodes (default: 1)");
  AddDuration(*create, "--expires", options->life, "When it ends, from now: 90d, 1h")->required();
  create->add_option("--note", options->note, "What it is for");
  commands.AddTo(group, "list", "List tokens, without their secrets", List);
  auto id = std::make_shared<std::string>();
  commands
      .AddTo(group, "revoke", "Let nobody in with it from now on",
             [=](Context& context) { return Revoke(context, *id); })
      ->add_option("ID", *id, "As `octet token list` shows it")
      ->required();
}

}  // namespace octet::client
