#include "client/login.h"

#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <istream>
#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/call.h"
#include "client/contexts.h"
#include "client/output.h"
#include "common/files.h"
#include "identity/access.h"
#include "identity/token.h"
#include "octet/v1/identity.grpc.pb.h"

namespace octet::client {
namespace {

struct LoginOptions {
  std::string name, server, authority_file, token_file;
};

/// While it lives, a terminal at `fd` does not show what is typed. One at a
/// time.
class HiddenInput {
 public:
  explicit HiddenInput(int fd) {
    hidden_ = isatty(fd) != 0 && tcgetattr(fd, &before_) == 0;
    if (!hidden_) return;
    fd_ = fd;
    struct sigaction interrupt = {};
    interrupt.sa_handler = [](int signal) {
      ShowAgain();
      raise(signal);
    };
    interrupt.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &interrupt, &interrupt_before_);
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(fd, TCSAFLUSH, &silent);
  }
  ~HiddenInput() {
    if (!hidden_) return;
    ShowAgain();
    sigaction(SIGINT, &interrupt_before_, nullptr);
  }
  HiddenInput(const HiddenInput&) = delete;
  HiddenInput& operator=(const HiddenInput&) = delete;
  bool hidden() const { return hidden_; }

 private:
  // Also from a signal handler: who gives up at the prompt keeps a terminal.
  static void ShowAgain() { tcsetattr(fd_, TCSAFLUSH, &before_); }

  static inline int fd_;
  static inline termios before_;
  bool hidden_ = false;
  struct sigaction interrupt_before_;
};

// Never an argument: those are shown to everybody on the machine.
absl::StatusOr<std::string> ReadToken(Context& context, const std::string& file) {
  std::string text;
  if (file.empty() || file == "-") {
    const HiddenInput input(context.in_fd);
    if (input.hidden()) context.err << "Token: " << std::flush;
    std::getline(context.in, text);
    if (input.hidden()) context.err << std::endl;
  } else {
    ASSIGN_OR_RETURN(text, ReadFile(file));
  }
  const std::string token(absl::StripAsciiWhitespace(text));
  RETURN_IF_ERROR(identity::ParseToken(token).status());
  return token;
}

absl::StatusOr<int> LogIn(Context& context, const LoginOptions& options) {
  // Before anything is asked: it may be unreadable.
  ASSIGN_OR_RETURN(saved::Contexts contexts, LoadContexts());
  ASSIGN_OR_RETURN(context.authority, ReadFile(options.authority_file));
  context.server = options.server;
  context.destination = absl::OkStatus();
  ASSIGN_OR_RETURN(context.token, ReadToken(context, options.token_file));
  ASSIGN_OR_RETURN(
      const v1::Principal who,
      Call<v1::IdentityService>(context, "WhoAmI", &v1::IdentityService::StubInterface::WhoAmI,
                                v1::WhoAmIRequest()));
  saved::Login* login = FindLogin(contexts, options.name);
  if (login == nullptr) login = contexts.add_logins();
  login->set_name(options.name);
  login->set_server(context.server);
  login->set_authority(context.authority);
  login->set_token(context.token);
  contexts.set_current(options.name);
  RETURN_IF_ERROR(SaveContexts(contexts));
  if (PrintMessage(context, who)) return kOk;
  context.out << "logged in to " << options.name << " (" << context.server << ") as " << who.name()
              << ", " << identity::RoleName(who.role())
              << (who.team().empty() ? " of all teams" : " of team " + who.team()) << ", until "
              << absl::FormatTime("%Y-%m-%d %H:%M UTC", ToTime(who.expire_time()),
                                  absl::UTCTimeZone())
              << "\n";
  return kOk;
}

}  // namespace

void AddLogin(Commands& commands) {
  auto options = std::make_shared<LoginOptions>();
  CLI::App* app = commands.Add("login", "Keep a scheduler and a token, and use them from now on",
                               [=](Context& context) { return LogIn(context, *options); });
  app->add_option("NAME", options->name, "How you call this scheduler; see `octet context`")
      ->required();
  app->add_option("--server", options->server, "Where it is: HOST:PORT")->required();
  app->add_option("--ca", options->authority_file, "File with its authority's certificate, ca.crt")
      ->required()
      ->check(CLI::ExistingFile);
  app->add_option("--token-file", options->token_file,
                  "File with your token (default: asked for, or read from standard input)");
}

}  // namespace octet::client
