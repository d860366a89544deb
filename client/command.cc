#include "client/command.h"

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/connection.h"

namespace octet::client {
namespace {

std::optional<absl::Duration> ParseDuration(const std::string& text) {
  absl::Duration duration;
  double count = 0;
  if (absl::SimpleAtod(text, &count)) {
    duration = absl::Seconds(count);
  } else if (absl::EndsWith(text, "d") &&
             absl::SimpleAtod(text.substr(0, text.size() - 1), &count)) {
    duration = absl::Hours(24 * count);
  } else if (!absl::ParseDuration(text, &duration)) {
    return std::nullopt;
  }
  if (duration < absl::ZeroDuration()) return std::nullopt;
  return duration;
}

}  // namespace

int ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kOk;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return kUsage;
    case absl::StatusCode::kNotFound:
      return kNotFound;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kUnreachable;
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kResourceExhausted:
      return kRefused;
    default:
      return kJobFailed;
  }
}

std::shared_ptr<grpc::Channel> Context::Channel() {
  std::call_once(channel_made_, [this] { channel_ = MakeChannel(*this); });
  return channel_;
}

CLI::Option* AddDuration(CLI::App& app, const std::string& name, absl::Duration& duration,
                         const std::string& description) {
  return app
      .add_option_function<std::string>(
          name, [&duration](const std::string& text) { duration = *ParseDuration(text); },
          description)
      ->type_name("TIME")
      ->check([](const std::string& text) -> std::string {
        if (ParseDuration(text).has_value()) return "";
        return absl::StrCat("\"", text,
                            "\" is no length of time; write such as 90s, 10m, 1h30m or 90d");
      });
}

void AddPatience(CLI::App& app, absl::Duration& patience) {
  AddDuration(app, "--timeout", patience,
              "How long the scheduler may be away, such as 30s (default: for ever)");
}

CLI::App* Commands::Add(const std::string& name, const std::string& description, Action action) {
  return AddTo(&app_, name, description, std::move(action));
}

CLI::App* Commands::AddGroup(const std::string& name, const std::string& description) {
  CLI::App* group = app_.add_subcommand(name, description);
  group->require_subcommand(1);
  return group;
}

CLI::App* Commands::AddTo(CLI::App* group, const std::string& name, const std::string& description,
                          Action action) {
  CLI::App* command = group->add_subcommand(name, description);
  command->footer("Every command takes the options of `octet --help` too.");
  command->callback([this, action = std::move(action)] { chosen_ = action; });
  return command;
}

}  // namespace octet::client
