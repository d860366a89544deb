// The schedulers that a user has logged in to.
#ifndef OCTET_CLIENT_CONTEXTS_H_
#define OCTET_CLIENT_CONTEXTS_H_

#include <string>

#include "absl/status/statusor.h"
#include "client/command.h"
#include "client/contexts.pb.h"

namespace octet::client {

/// $XDG_CONFIG_HOME/octet/contexts.json, else ~/.config/octet/contexts.json.
std::string ContextsFile();

/// None where there is no file. FAILED_PRECONDITION: others can read it, which
/// holds tokens; INVALID_ARGUMENT: it is damaged. Both name the file.
absl::StatusOr<saved::Contexts> LoadContexts();

/// As a file of mode 0600 in a folder of mode 0700.
absl::Status SaveContexts(const saved::Contexts& contexts);

/// Null: there is none of that name.
saved::Login* FindLogin(saved::Contexts& contexts, const std::string& name);

/// What the command line and the environment say of the scheduler to talk to.
struct Destination {
  std::string server;   // --server, OCTET_SERVER
  std::string context;  // --context, OCTET_CONTEXT
  bool dir = false;     // --dir was given: the embedded default there
};

/// Fills in context.server, authority and token: --server, else --context, else
/// the current login unless --dir was given, else the embedded default. For a
/// --server that is no Unix socket, OCTET_CA_FILE and OCTET_TOKEN_FILE name the
/// files. NOT_FOUND: there is no such login; else as LoadContexts.
absl::Status Resolve(const Destination& destination, Context& context);

}  // namespace octet::client

#endif  // OCTET_CLIENT_CONTEXTS_H_
