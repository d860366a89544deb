#include "client/admin.h"

#include <memory>
#include <string>

#include "client/call.h"
#include "client/output.h"
#include "identity/access.h"
#include "octet/v1/identity.grpc.pb.h"

namespace octet::client {
namespace {

using Stub = v1::IdentityService::StubInterface;

absl::StatusOr<int> Audit(Context& context, const v1::ListAuditRequest& request) {
  ASSIGN_OR_RETURN(const v1::ListAuditResponse response,
                   Call<v1::IdentityService>(context, "ListAudit", &Stub::ListAudit, request));
  if (PrintList(context, response.entries())) return kOk;
  Table table({"TIME (UTC)", "WHO", "ROLE", "METHOD", "TARGET", "CODE", "FROM"});
  for (const v1::AuditEntry& entry : response.entries()) {
    const bool known = entry.principal().role() != v1::ROLE_UNSPECIFIED;
    table.Add({absl::FormatTime("%Y-%m-%d %H:%M:%S", ToTime(entry.time()), absl::UTCTimeZone()),
               known ? entry.principal().name() : "-",
               known ? identity::RoleName(entry.principal().role()) : "-", entry.method(),
               entry.target().empty() ? "-" : entry.target(), entry.code(), entry.peer()});
  }
  table.Print(context.out);
  return kOk;
}

absl::StatusOr<int> RevokeNode(Context& context, const v1::RevokeNodeRequest& request) {
  ASSIGN_OR_RETURN(const v1::RevokeNodeResponse response,
                   Call<v1::IdentityService>(context, "RevokeNode", &Stub::RevokeNode, request));
  if (!PrintMessage(context, response))
    context.out << "node " << request.node()
                << " is shut out; it joins again with `octet token create --join --node "
                << request.node() << "`\n";
  return kOk;
}

}  // namespace

void AddAdmin(Commands& commands) {
  CLI::App* group = commands.AddGroup("admin", "What admins look at and do");
  struct Options {
    std::string filter, node, reason;
    int limit = 0;
  };
  auto options = std::make_shared<Options>();
  CLI::App* audit =
      commands.AddTo(group, "audit", "Who did what, newest first", [=](Context& context) {
        v1::ListAuditRequest request;
        request.set_filter(options->filter);
        request.set_page_size(options->limit);
        return Audit(context, request);
      });
  audit->add_option("--filter", options->filter,
                    "Terms FIELD=VALUE of principal, method, target and code");
  audit->add_option("--limit", options->limit, "Lines (default: 100; at most 1000)");
  CLI::App* revoke = commands.AddTo(group, "revoke-node", "Shut a node out: its certificates end",
                                    [=](Context& context) {
                                      v1::RevokeNodeRequest request;
                                      request.set_node(options->node);
                                      request.set_reason(options->reason);
                                      return RevokeNode(context, request);
                                    });
  revoke->add_option("NODE", options->node, "The node's name")->required();
  revoke->add_option("--reason", options->reason, "Kept in the audit log");
}

}  // namespace octet::client
