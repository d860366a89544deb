// What octet-scheduler is started with.
#ifndef OCTET_SCHEDULER_SERVER_OPTIONS_H_
#define OCTET_SCHEDULER_SERVER_OPTIONS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace octet::scheduler {

struct Options {
  /// Everything the scheduler keeps: its store, artifacts, logs and lock.
  std::string dir;
  /// unix:PATH for this user alone, or host:port for TLS. Empty:
  /// unix:<dir>/scheduler.sock.
  std::vector<std::string> listen;
  /// Folder with ca.crt, scheduler.crt and scheduler.key, and ca.key when nodes
  /// are to join here; needed for host:port. Empty: no TLS.
  std::string tls;
  /// host:port of a health service (grpc.health.v1) without TLS, which tells
  /// whether the scheduler serves and nothing else; empty: none.
  std::string health;
  /// Nodes see this machine's files, so paths in jobs are checked at submit.
  bool shared_filesystem = false;
  /// host:port for Prometheus, port 0 for any; empty: none.
  std::string metrics;
  /// A node that is silent for longer is lost; at least twice the interval.
  absl::Duration heartbeat_timeout = absl::Seconds(10);
  absl::Duration heartbeat_interval = absl::Seconds(2);
  /// Calls that change something and are under way at once; more are refused
  /// with RESOURCE_EXHAUSTED and a delay. At least 1.
  int most_changes = 96;
  /// YAML, see config.h: teams and policies; empty: no teams, default policies.
  std::string config;
  /// Folder of edge targets; empty: those that were built in.
  std::string catalog;
};

/// INVALID_ARGUMENT names the flag.
absl::Status ValidateOptions(const Options& options);

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_OPTIONS_H_
