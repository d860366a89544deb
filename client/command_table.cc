#include "client/command_table.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "absl/strings/str_cat.h"
#include "client/admin.h"
#include "client/artifacts.h"
#include "client/ca.h"
#include "client/cancel.h"
#include "client/completion.h"
#include "client/context.h"
#include "client/contexts.h"
#include "client/down.h"
#include "client/download.h"
#include "client/drain.h"
#include "client/explain.h"
#include "client/export.h"
#include "client/hold.h"
#include "client/job.h"
#include "client/jobs.h"
#include "client/login.h"
#include "client/logs.h"
#include "client/nodes.h"
#include "client/run.h"
#include "client/simulate.h"
#include "client/state_dir.h"
#include "client/submit.h"
#include "client/teams.h"
#include "client/token.h"
#include "client/top.h"
#include "client/up.h"
#include "client/version.h"
#include "client/wait.h"
#include "client/why.h"
#include "common/text.h"
#include "common/version.h"

namespace octet::client {
namespace {

const std::map<std::string, OutputFormat> kFormats = {{"table", OutputFormat::kTable},
                                                      {"wide", OutputFormat::kWide},
                                                      {"json", OutputFormat::kJson},
                                                      {"yaml", OutputFormat::kYaml}};

struct Entry {
  const char* name;
  void (*add)(Commands&);
};

// In the order in which `octet --help` lists them.
constexpr Entry kCommands[] = {
    {"up", AddUp},
    {"down", AddDown},
    {"submit", AddSubmit},
    {"run", AddRun},
    {"jobs", AddJobs},
    {"job", AddJob},
    {"why", AddWhy},
    {"wait", AddWait},
    {"logs", AddLogs},
    {"hold", AddHold},
    {"release", AddRelease},
    {"requeue", AddRequeue},
    {"cancel", AddCancel},
    {"top", AddTop},
    {"nodes", AddNodes},
    {"drain", AddDrain},
    {"undrain", AddUndrain},
    {"teams", AddTeams},
    {"artifacts", AddArtifacts},
    {"download", AddDownload},
    {"export", AddExport},
    {"explain", AddExplain},
    {"simulate", AddSimulate},
    {"login", AddLogin},
    {"context", AddContext},
    {"token", AddToken},
    {"ca", AddCa},
    {"admin", AddAdmin},
    {"completion", AddCompletion},
    {"version", AddVersion},
};

// Only those that are named, where one is: to set up all options of all
// commands would be a tenth of what a short call costs. Help and completion
// speak of them all.
void AddCommands(Commands& commands, const std::vector<std::string>& args) {
  const auto named = [&](const std::string& name) {
    return std::find(args.begin(), args.end(), name) != args.end();
  };
  const bool all =
      named("completion") || std::none_of(std::begin(kCommands), std::end(kCommands),
                                          [&](const Entry& e) { return named(e.name); });
  for (const Entry& entry : kCommands)
    if (all || named(entry.name)) entry.add(commands);
}

struct GlobalFlags {
  std::string dir, server, context, format = "table", color = "auto";
  bool no_color = false;
};

void AddGlobalFlags(CLI::App& app, GlobalFlags& flags) {
  std::vector<std::string> formats;
  for (const auto& [name, format] : kFormats) formats.push_back(name);
  app.add_option("--server", flags.server, "Scheduler to talk to (default: that of `octet up`)")
      ->envname("OCTET_SERVER");
  app.add_option("--context", flags.context, "Login to use, see `octet context` (default: current)")
      ->envname("OCTET_CONTEXT");
  app.add_option("--dir", flags.dir, "Folder of the cluster that `octet up` starts (OCTET_DIR)");
  app.add_option("-o,--output", flags.format, "table, wide, json or yaml")
      ->check(CLI::IsMember(formats));
  app.add_option("--color", flags.color, "auto, always or never; NO_COLOR is honoured")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  app.add_flag("--no-color", flags.no_color, "The same as --color never");
}

void Apply(const GlobalFlags& flags, Context& context) {
  context.dir = flags.dir.empty()
                    ? DefaultStateDir()
                    : std::filesystem::absolute(flags.dir).lexically_normal().string();
  context.format = kFormats.at(flags.format);
  const char* no_color = std::getenv("NO_COLOR");
  const bool allowed = no_color == nullptr || *no_color == '\0';
  const bool automatic = context.out_is_terminal && allowed;
  context.color =
      !flags.no_color && (flags.color == "always" || (flags.color == "auto" && automatic));
  context.destination = Resolve(
      {.server = flags.server, .context = flags.context, .dir = !flags.dir.empty()}, context);
}

// What is wrong with the command line; for a mistyped command the nearest one.
std::string UsageError(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> rest = app.remaining();
  const auto word = std::find_if(rest.begin(), rest.end(),
                                 [](const std::string& arg) { return arg.rfind('-', 0) != 0; });
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  if (!chosen.empty() || word == rest.end()) {
    const std::string command = chosen.empty() ? "" : " " + chosen[0]->get_name();
    return absl::StrCat(error.what(), "; see `octet", command, " --help`");
  }
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return absl::StrCat("there is no command \"", *word, "\"", DidYouMean(*word, names));
}

}  // namespace

int RunOctet(Context& context, const std::vector<std::string>& args) {
  CLI::App app("Trains vision models on a cluster and exports them to edge devices.", "octet");
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", std::string("octet ") + Version());
  GlobalFlags flags;
  AddGlobalFlags(app, flags);
  Commands commands(app);
  AddCommands(commands, args);
  try {
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));  // CLI11 pops from the end.
  } catch (const CLI::Success& help) {
    return app.exit(help, context.out, context.err);
  } catch (const CLI::ParseError& error) {
    context.err << "octet: " << UsageError(app, error) << "\n";
    return kUsage;
  }
  Apply(flags, context);
  const absl::StatusOr<int> result = commands.chosen()(context);
  if (result.ok()) return *result;
  context.out.flush();
  context.err << "octet: " << result.status().message() << "\n";
  return ExitCodeOf(result.status());
}

}  // namespace octet::client
