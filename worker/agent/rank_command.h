// How a rank's process is started.
#ifndef OCTET_WORKER_AGENT_RANK_COMMAND_H_
#define OCTET_WORKER_AGENT_RANK_COMMAND_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "octet/v1/agents.pb.h"
#include "octet/v1/nodes.pb.h"

namespace octet::agent {

/// Where an attempt's files are on this node, below the agent's folder.
struct AttemptPaths {
  AttemptPaths(const std::string& dir, const v1::AttemptRef& ref);
  /// stream: stdout or stderr.
  std::string Log(int rank, const std::string& stream) const;
  /// Where a rank of a training keeps its position; see failure::PositionFile.
  std::string Position(int rank) const;

  std::string job_dir;      // Artifact x/y of the job is the file job_dir/x/y.
  std::string attempt_dir;  // start.json, logs: the job cannot change which.
  std::string start_file;
  std::string key_file;   // The attempt's key; see isolation::NewAttemptKey.
  std::string parts_dir;  // Of the job: what is not whole yet.
};

/// What ranks have to know of the node they are on.
struct RankHost {
  std::string node;          // Its name.
  std::string program_dir;   // Of octet-trainer and octet-exporter.
  std::string rank_address;  // Where ranks reach the agent; tells agents apart.
  std::vector<v1::Slot> slots;
};

struct RankCommand {
  int rank = 0;
  /// argv[0] as the program sees it; `program` is the file that is run.
  std::vector<std::string> argv;
  std::string program;
  /// Over the agent's own environment, or all that there is.
  std::map<std::string, std::string> env;
  bool inherit_env = true;
  std::string cwd;
  /// Files, appended to; empty: the agent's own.
  std::string out, err;
  /// stdin is a pipe from the agent; else it is /dev/null.
  bool input = false;
};

/// In the environment of every process that an agent's ranks start, with the
/// agent's rank_address.
inline constexpr char kAgentVariable[] = "OCTET_AGENT";

/// The processes of start's ranks on this node. INVALID_ARGUMENT: a stage or
/// slot that there is not, or a start that contradicts itself. NOT_FOUND,
/// PERMISSION_DENIED: a command's program or folder is not there, or is no
/// program.
absl::StatusOr<std::vector<RankCommand>> RankCommands(const v1::StartAttempt& start,
                                                      const RankHost& host,
                                                      const AttemptPaths& paths);

/// Checks the name of an artifact, which becomes a path below the job's
/// folder: relative, and without "." or ".." parts. INVALID_ARGUMENT.
absl::Status CheckArtifactName(const std::string& name);

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_RANK_COMMAND_H_
