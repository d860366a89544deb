#include "client/contexts.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/state_dir.h"
#include "common/files.h"
#include "common/status.h"
#include "google/protobuf/util/json_util.h"

namespace octet::client {
namespace {

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

absl::StatusOr<std::string> FileOfVariable(const char* variable, const std::string& server) {
  const std::string path = Variable(variable);
  if (path.empty())
    return absl::FailedPreconditionError(absl::StrCat(
        "--server ", server, ": ", variable,
        " must name a file, or `octet login` keep what is needed and --context name it"));
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return std::string(absl::StripAsciiWhitespace(text));
}

absl::Status UseServer(const std::string& server, Context& context) {
  context.server = server;
  if (absl::StartsWith(server, "unix:")) return absl::OkStatus();
  ASSIGN_OR_RETURN(context.authority, FileOfVariable("OCTET_CA_FILE", server));
  ASSIGN_OR_RETURN(context.token, FileOfVariable("OCTET_TOKEN_FILE", server));
  return absl::OkStatus();
}

}  // namespace

std::string ContextsFile() {
  const std::string config = Variable("XDG_CONFIG_HOME");
  return (config.empty() ? Variable("HOME") + "/.config" : config) + "/octet/contexts.json";
}

absl::StatusOr<saved::Contexts> LoadContexts() {
  const std::string path = ContextsFile();
  saved::Contexts contexts;
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return contexts;
    return ErrnoStatus("cannot read", path);
  }
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": others can read it, and it holds tokens; `chmod 600` it"));
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  if (!google::protobuf::util::JsonStringToMessage(text, &contexts).ok())
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is damaged; remove it and `octet login` again"));
  return contexts;
}

absl::Status SaveContexts(const saved::Contexts& contexts) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  std::string text;
  // Cannot fail: the message has no Any.
  (void)google::protobuf::util::MessageToJsonString(contexts, &text, options);
  const std::string path = ContextsFile();
  RETURN_IF_ERROR(MakeFolders(std::filesystem::path(path).parent_path(), 0700));
  return WriteFileAtomic(path, text, 0600);
}

saved::Login* FindLogin(saved::Contexts& contexts, const std::string& name) {
  for (saved::Login& login : *contexts.mutable_logins())
    if (login.name() == name) return &login;
  return nullptr;
}

absl::Status Resolve(const Destination& destination, Context& context) {
  if (!destination.server.empty()) return UseServer(destination.server, context);
  context.server = StateDir{context.dir}.Server();
  if (destination.dir && destination.context.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(saved::Contexts contexts, LoadContexts());
  const std::string& name = destination.context.empty() ? contexts.current() : destination.context;
  if (name.empty()) return absl::OkStatus();
  const saved::Login* login = FindLogin(contexts, name);
  if (login == nullptr)
    return absl::NotFoundError(
        absl::StrCat("there is no context \"", name, "\"; `octet context list` shows them"));
  context.server = login->server();
  context.authority = login->authority();
  context.token = login->token();
  return absl::OkStatus();
}

}  // namespace octet::client
