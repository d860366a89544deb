// Brings a stage's inputs to this node.
#ifndef OCTET_WORKER_AGENT_FETCHER_H_
#define OCTET_WORKER_AGENT_FETCHER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "grpcpp/channel.h"
#include "worker/agent/calls.h"
#include "worker/isolation/account.h"

namespace octet::agent {

/// Where a job's files are to be.
struct FetchTarget {
  std::string job_dir;    // The job may write there.
  std::string parts_dir;  // On the same file system; the job may not.
  std::optional<isolation::Account> owner;
};

/// Puts the job's artifacts `names` under job_dir. A file that is there with
/// the right size and SHA-256 stays; a download that broke goes on where it
/// was. No symbolic link of the job's is followed. Waits for an absent
/// scheduler. NOT_FOUND: the job has no such artifact. DATA_LOSS: it arrives
/// damaged. RESOURCE_EXHAUSTED: the disk is full. CANCELLED: by `cancellation`.
absl::Status FetchArtifacts(const std::shared_ptr<grpc::Channel>& scheduler,
                            const std::string& job_id, const std::vector<std::string>& names,
                            const FetchTarget& target, Cancellation* cancellation);

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_FETCHER_H_
