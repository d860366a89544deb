// `octet up`: the embedded cluster on this machine.
#ifndef OCTET_CLIENT_UP_H_
#define OCTET_CLIENT_UP_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/command.h"

namespace octet::client {

struct UpOptions {
  int cpu_slots = 0;                // 0: GPUs where there are any, else one CPU slot a core
  std::string node;                 // empty: the host's name
  std::vector<std::string> listen;  // beside the Unix socket, with TLS
  std::string tls;                  // folder; needed for `listen`
  std::string config;               // the scheduler's settings file; empty: none
  std::string metrics = "127.0.0.1:0", agent_metrics = "127.0.0.1:0";
  absl::Duration timeout = absl::Seconds(30);
};

/// Starts what does not run yet of scheduler and agent, and waits until the
/// node is ready. FAILED_PRECONDITION: both run already, or a lock or port is
/// taken; after an error nothing that it started is left running.
absl::Status Up(Context& context, const UpOptions& options);

void AddUp(Commands& commands);

}  // namespace octet::client

#endif  // OCTET_CLIENT_UP_H_
