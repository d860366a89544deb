// What an agent is told on its command line.
#ifndef OCTET_WORKER_AGENT_OPTIONS_H_
#define OCTET_WORKER_AGENT_OPTIONS_H_

#include <map>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "worker/isolation/isolation.h"

namespace octet::agent {

struct AgentOptions {
  /// Absolute. Everything the agent keeps; one agent a folder.
  std::string dir;
  /// "unix:PATH" or "HOST:PORT".
  std::string scheduler;
  /// Of the agent's own, with the authority's ca.crt; node.crt and node.key
  /// are kept there. Needed for HOST:PORT.
  std::string tls;
  /// File with the token by which the node joins; looked at only when there is
  /// no certificate that holds.
  std::string join_token_file;
  /// HOST:PORT of a health service for probes; empty: none.
  std::string health;
  /// The node's name, unique in the cluster.
  std::string node;
  /// So many CPU slots and no GPUs; nothing: the GPUs if there are any, else
  /// as many CPU slots as cores.
  std::optional<int> cpu_slots;
  /// So many TPU slots and no others. Not together with cpu_slots.
  std::optional<int> tpu_slots;
  std::map<std::string, std::string> labels;
  /// The host at which other nodes reach rank 0 here; empty: 127.0.0.1 for a
  /// scheduler on a Unix socket, else the local address of the route to it.
  std::string advertise_host;
  /// Folder of octet-trainer and octet-exporter.
  std::string program_dir;
  /// HOST:PORT that Prometheus scrapes, port 0 lets the kernel pick; empty:
  /// metrics are not served.
  std::string metrics;
  /// How long this node lives from now, if that is known.
  std::optional<absl::Duration> lifetime;
  /// What ranks get to save and leave when the agent is told to end.
  absl::Duration stop_grace = absl::Seconds(30);
  /// A rank of a training that stands still for so long, while others may wait
  /// for it, has hung; see HangWatch. Infinite: never.
  absl::Duration hang_after = absl::Seconds(30);
  /// How jobs are kept apart. The agent itself fills in its folders, its
  /// secrets and its slots.
  isolation::IsolationOptions isolation;
};

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_OPTIONS_H_
