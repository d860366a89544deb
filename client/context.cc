#include "client/context.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/contexts.h"
#include "client/output.h"
#include "common/status.h"
#include "nlohmann/json.hpp"

namespace octet::client {
namespace {

// `octet up`'s, which needs no login.
constexpr char kEmbedded[] = "local";

absl::StatusOr<int> List(Context& context) {
  ASSIGN_OR_RETURN(const saved::Contexts contexts, LoadContexts());
  // Without the secrets.
  nlohmann::json list = nlohmann::json::array();
  Table table({"", "NAME", "SERVER"});
  const auto add = [&](const std::string& name, const std::string& server, bool current) {
    list.push_back({{"name", name}, {"server", server}, {"current", current}});
    table.Add({current ? "*" : "", name, server});
  };
  add(kEmbedded, "of `octet up`", contexts.current().empty());
  for (const saved::Login& login : contexts.logins())
    add(login.name(), login.server(), login.name() == contexts.current());
  if (!PrintDocument(context, list.dump())) table.Print(context.out);
  return kOk;
}

absl::Status NoSuch(const std::string& name) {
  return absl::NotFoundError(
      absl::StrCat("there is no context \"", name, "\"; `octet context list` shows them"));
}

absl::StatusOr<int> Use(Context& context, const std::string& name) {
  ASSIGN_OR_RETURN(saved::Contexts contexts, LoadContexts());
  if (name != kEmbedded && FindLogin(contexts, name) == nullptr) return NoSuch(name);
  contexts.set_current(name == kEmbedded ? "" : name);
  RETURN_IF_ERROR(SaveContexts(contexts));
  context.out << "using " << name << "\n";
  return kOk;
}

absl::StatusOr<int> Remove(Context& context, const std::string& name) {
  ASSIGN_OR_RETURN(saved::Contexts contexts, LoadContexts());
  const saved::Login* login = FindLogin(contexts, name);
  if (login == nullptr) return NoSuch(name);
  contexts.mutable_logins()->DeleteSubrange(static_cast<int>(login - &contexts.logins(0)), 1);
  if (contexts.current() == name) contexts.clear_current();
  RETURN_IF_ERROR(SaveContexts(contexts));
  context.out << "removed " << name << "; the token still counts: `octet token revoke` ends it\n";
  return kOk;
}

}  // namespace

void AddContext(Commands& commands) {
  CLI::App* group = commands.AddGroup("context", "The schedulers that you have logged in to");
  commands.AddTo(group, "list", "List them; * marks the one in use", List);
  auto name = std::make_shared<std::string>();
  commands
      .AddTo(group, "use", "Talk to this one from now on",
             [=](Context& context) { return Use(context, *name); })
      ->add_option("NAME", *name, "As `octet context list` shows it")
      ->required();
  commands
      .AddTo(group, "remove", "Forget one, with its token",
             [=](Context& context) { return Remove(context, *name); })
      ->add_option("NAME", *name, "As `octet context list` shows it")
      ->required();
}

}  // namespace octet::client
