// Finds a user's program the way a shell does.
#ifndef OCTET_WORKER_AGENT_PROGRAM_PATH_H_
#define OCTET_WORKER_AGENT_PROGRAM_PATH_H_

#include <string>

#include "absl/status/statusor.h"

namespace octet::agent {

/// The file that running `name` in `cwd` means: the first executable of that
/// name in the folders of `path` (separated by ':'), or `name` itself when it
/// has a '/'. NOT_FOUND: there is none, or no `cwd`. PERMISSION_DENIED: there
/// is a file, but not one that can be run.
absl::StatusOr<std::string> FindProgram(const std::string& name, const std::string& cwd,
                                        const std::string& path);

/// PATH of this process, or the usual folders when it has none.
std::string InheritedPath();

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_PROGRAM_PATH_H_
