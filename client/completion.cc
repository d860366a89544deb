#include "client/completion.h"

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace octet::client {
namespace {

struct OptionText {
  std::vector<std::string> longs, shorts;
  std::string description;
  bool takes_value;
};

// Of a command those of its own: not --help, which the root has too.
std::vector<OptionText> OptionsOf(const CLI::App& app) {
  std::vector<OptionText> options;
  for (const CLI::Option* option : app.get_options()) {
    if (!option->nonpositional()) continue;
    if (app.get_parent() != nullptr && option == app.get_help_ptr()) continue;
    options.push_back({option->get_lnames(), option->get_snames(), option->get_description(),
                       option->get_items_expected_max() > 0});
  }
  return options;
}

std::vector<const CLI::App*> CommandsOf(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// As the user types them, one after the other; of a group those of all its
// commands.
std::string Words(const CLI::App& app) {
  std::vector<OptionText> options = OptionsOf(app);
  if (app.get_parent() != nullptr)
    for (const CLI::App* command : CommandsOf(app))
      for (OptionText& option : OptionsOf(*command)) options.push_back(std::move(option));
  std::vector<std::string> words;
  for (const OptionText& option : options) {
    for (const std::string& name : option.shorts) words.push_back("-" + name);
    for (const std::string& name : option.longs) words.push_back("--" + name);
  }
  return absl::StrJoin(words, " ");
}

std::string Names(const CLI::App& app) {
  return absl::StrJoin(CommandsOf(app), " ", [](std::string* out, const CLI::App* command) {
    absl::StrAppend(out, command->get_name());
  });
}

// In single quotes, safe in every one of the shells. escaped: what stands for a
// single quote in there.
std::string Quoted(const std::string& text, const char* escaped) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", escaped}}), "'");
}

// What may follow each command.
std::string BashCases(const CLI::App& app) {
  std::string cases =
      absl::StrCat("    '') [[ $word == -* ]] || options='", Names(app),
                   "' ;;\n"
                   "    completion) [[ $word == -* ]] || options='bash zsh fish' ;;\n");
  for (const CLI::App* command : CommandsOf(app)) {
    if (command->get_name() == "completion") continue;
    absl::StrAppend(&cases, "    ", command->get_name(), ") options+=' ", Names(*command), " ",
                    Words(*command), "' ;;\n");
  }
  return cases;
}

std::string Bash(const CLI::App& app) {
  return absl::StrCat(
      "# source <(octet completion bash)\n"
      "_octet() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= each\n"
      "  COMPREPLY=()\n"
      "  case $before in\n"
      "    -o|--output) COMPREPLY=($(compgen -W 'table wide json yaml' -- \"$word\")); return ;;\n"
      "    --color) COMPREPLY=($(compgen -W 'auto always never' -- \"$word\")); return ;;\n"
      "    --dir|--out|--dataset-path) COMPREPLY=($(compgen -d -- \"$word\")); return ;;\n"
      "  esac\n"
      "  for each in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \" ",
      Names(app),
      " \" in *\" $each \"*) command=$each; break ;; esac\n"
      "  done\n"
      "  local options='",
      Words(app),
      "'\n"
      "  case $command in\n",
      BashCases(app),
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
      "  if [[ $word != -* && ($command == submit || $command == export) ]]; then\n"
      "    COMPREPLY=($(compgen -f -- \"$word\"))\n"
      "  fi\n"
      "}\n"
      "complete -o filenames -F _octet octet\n");
}

// Specifications for _arguments, one a name.
std::string ZshOptions(const CLI::App& app) {
  std::string specs;
  for (const OptionText& option : OptionsOf(app)) {
    const std::string description = absl::StrReplaceAll(
        option.description, {{"\\", "\\\\"}, {"[", "\\["}, {"]", "\\]"}, {":", "\\:"}});
    const auto add = [&](const std::string& name) {
      const std::string spec =
          absl::StrCat(name, "[", description, "]", option.takes_value ? ":value:_files" : "");
      absl::StrAppend(&specs, "        ", Quoted(spec, "'\\''"), " \\\n");
    };
    for (const std::string& name : option.shorts) add("-" + name);
    for (const std::string& name : option.longs) add("--" + name);
  }
  return specs;
}

std::string Zsh(const CLI::App& app) {
  std::string script =
      "#compdef octet\n"
      "# octet completion zsh > \"${fpath[1]}/_octet\"\n"
      "_octet() {\n"
      "  local -a commands\n"
      "  commands=(\n";
  for (const CLI::App* command : CommandsOf(app)) {
    absl::StrAppend(
        &script, "    ",
        Quoted(absl::StrCat(command->get_name(), ":", command->get_description()), "'\\''"), "\n");
  }
  absl::StrAppend(&script,
                  "  )\n"
                  "  if (( CURRENT == 2 )) && [[ ${words[2]} != -* ]]; then\n"
                  "    _describe command commands\n"
                  "    return\n"
                  "  fi\n"
                  "  case ${words[2]} in\n");
  for (const CLI::App* command : CommandsOf(app)) {
    const bool shells = command->get_name() == "completion";
    absl::StrAppend(&script, "    ", command->get_name(), ")\n      _arguments \\\n",
                    ZshOptions(*command), ZshOptions(app),
                    shells ? "        '*:shell:(bash zsh fish)'" : "        '*:file:_files'",
                    "\n      ;;\n");
  }
  absl::StrAppend(
      &script, "    *)\n      _arguments \\\n", ZshOptions(app),
      "        '*:file:_files'\n      ;;\n  esac\n}\n"
      "if [[ $funcstack[1] == _octet ]]; then _octet \"$@\"; else compdef _octet octet; fi\n");
  return script;
}

void AppendFishOptions(std::string& script, const CLI::App& app, const std::string& condition) {
  for (const OptionText& option : OptionsOf(app)) {
    absl::StrAppend(&script, "complete -c octet", condition);
    for (const std::string& name : option.shorts) absl::StrAppend(&script, " -s ", name);
    for (const std::string& name : option.longs) absl::StrAppend(&script, " -l ", name);
    absl::StrAppend(&script, option.takes_value ? " -r" : "", " -d ",
                    Quoted(option.description, "\\'"), "\n");
  }
}

std::string Fish(const CLI::App& app) {
  std::string script = "# octet completion fish > ~/.config/fish/completions/octet.fish\n";
  AppendFishOptions(script, app, "");
  for (const CLI::App* command : CommandsOf(app)) {
    const std::string& name = command->get_name();
    absl::StrAppend(&script, "complete -c octet -f -n __fish_use_subcommand -a ", name, " -d ",
                    Quoted(command->get_description(), "\\'"), "\n");
    const std::string seen = absl::StrCat(" -n '__fish_seen_subcommand_from ", name, "'");
    AppendFishOptions(script, *command, seen);
    for (const CLI::App* own : CommandsOf(*command)) {
      absl::StrAppend(&script, "complete -c octet -f", seen, " -a ", own->get_name(), " -d ",
                      Quoted(own->get_description(), "\\'"), "\n");
      AppendFishOptions(script, *own, seen);
    }
  }
  absl::StrAppend(&script,
                  "complete -c octet -f -n '__fish_seen_subcommand_from completion' "
                  "-a 'bash zsh fish'\n");
  return script;
}

}  // namespace

void AddCompletion(Commands& commands) {
  auto shell = std::make_shared<std::string>();
  const CLI::App& root = commands.app();
  CLI::App* app = commands.Add(
      "completion", "Print a script that completes commands in a shell",
      [shell, &root](Context& context) -> absl::StatusOr<int> {
        context.out << (*shell == "bash" ? Bash(root) : *shell == "zsh" ? Zsh(root) : Fish(root));
        return kOk;
      });
  app->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

}  // namespace octet::client
