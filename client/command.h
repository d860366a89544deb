// What every command of the CLI is made of: one file a command, each with one
// Add function that command_table.cc lists.
#ifndef OCTET_CLIENT_COMMAND_H_
#define OCTET_CLIENT_COMMAND_H_

#include <atomic>
#include <functional>
#include <iosfwd>
#include <memory>
#include <mutex>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "grpcpp/channel.h"

namespace octet::client {

/// Exit codes are public interface.
enum ExitCode : int {
  kOk = 0,
  kJobFailed = 1,
  kUsage = 2,
  kUnreachable = 3,
  kNotFound = 4,
  kRefused = 5,
};

/// The exit code that an error stands for: INVALID_ARGUMENT usage, NOT_FOUND
/// not found, UNAVAILABLE and DEADLINE_EXCEEDED unreachable,
/// FAILED_PRECONDITION, UNAUTHENTICATED, PERMISSION_DENIED, ALREADY_EXISTS and
/// RESOURCE_EXHAUSTED refused, the rest kJobFailed.
int ExitCodeOf(const absl::Status& status);

enum class OutputFormat { kTable, kWide, kJson, kYaml };

/// What a command sees of the world; tests give their own. Main thread only.
struct Context {
  Context(std::istream& in, std::ostream& out, std::ostream& err) : in(in), out(out), err(err) {}

  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool out_is_terminal = false;
  bool color = false;
  const Clock& clock = Clock::Real();

  // Global flags, filled in before a command runs.
  OutputFormat format = OutputFormat::kTable;
  std::string dir;     // the embedded cluster's state folder, absolute
  std::string server;  // gRPC address, such as unix:/home/ada/.local/state/octet/scheduler.sock
  // For HOST:PORT, which is spoken to with TLS alone: the certificate of the
  // scheduler's authority (PEM), and the caller's token, a secret.
  std::string authority, token;
  // Why `server` cannot be said; for commands that need a scheduler.
  absl::Status destination;
  std::string program_dir;  // where octet-scheduler, octet-agent, octet-exporter are
  int in_fd = -1;           // what `octet run` sends to its job and `octet top` reads keys from
  absl::Duration first_contact = absl::Seconds(4);  // to reach the scheduler, before giving up
  std::atomic<bool> reached = false;                // the scheduler, by whatever call

  /// The channel to `server`, made at the first call. Over TLS it sends `token`
  /// with every call. Any thread.
  std::shared_ptr<grpc::Channel> Channel();

 private:
  std::once_flag channel_made_;
  std::shared_ptr<grpc::Channel> channel_;
};

/// What a command does: its exit code, or the error to print (its code maps to
/// the exit code).
using Action = std::function<absl::StatusOr<int>(Context&)>;

/// A length of time such as 90s, 10m, 1h30m or 90d; a plain number counts
/// seconds.
CLI::Option* AddDuration(CLI::App& app, const std::string& name, absl::Duration& duration,
                         const std::string& description);

/// `--timeout T` of a command that waits: how long the scheduler may be
/// away before the wait is given up. Without it `patience` stays as it is.
void AddPatience(CLI::App& app, absl::Duration& patience);

/// Where an Add function leaves what to run when its command is chosen.
class Commands {
 public:
  /// app: the root. Both outlive the parse.
  explicit Commands(CLI::App& app) : app_(app) {}
  /// Adds `octet NAME`; the caller adds its options to the result.
  CLI::App* Add(const std::string& name, const std::string& description, Action action);
  /// Adds `octet NAME`, which only takes commands of its own.
  CLI::App* AddGroup(const std::string& name, const std::string& description);
  /// Adds `octet GROUP NAME`.
  CLI::App* AddTo(CLI::App* group, const std::string& name, const std::string& description,
                  Action action);
  /// The action of the command that was parsed; null: none.
  const Action& chosen() const { return chosen_; }
  CLI::App& app() { return app_; }

 private:
  CLI::App& app_;
  Action chosen_;
};

}  // namespace octet::client

#endif  // OCTET_CLIENT_COMMAND_H_
