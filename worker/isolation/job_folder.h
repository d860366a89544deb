// Files in a folder that a job can write to, as the agent has to treat them.
#ifndef OCTET_WORKER_ISOLATION_JOB_FOLDER_H_
#define OCTET_WORKER_ISOLATION_JOB_FOLDER_H_

#include <sys/types.h>

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/fd.h"
#include "worker/isolation/account.h"

namespace octet::isolation {

// Any name below a job's folder can be a symbolic link to somebody else's file,
// or become one between two looks, and the agent may be root. So nothing here
// follows one, at any place of the path, and everything goes through
// descriptors, which stay with what they were opened on. The folder itself is
// the agent's to name. Errors name folder/name.

/// Opens a regular file to read. NOT_FOUND: there is none. PERMISSION_DENIED: it
/// is reached through a symbolic link, or is none (a FIFO would block).
/// INVALID_ARGUMENT: the name is absolute or has a ".." in it.
absl::StatusOr<Fd> OpenInJob(const std::string& folder, const std::string& name);

/// Where what is open can be opened again by functions that want a path; holds
/// as long as `fd` does.
std::string PathOf(const Fd& fd);

/// Moves `file`, which no job can reach, to `name`, in place of what is there;
/// folders on the way are made. Both are then `owner`'s, unless there is none.
/// Errors as OpenInJob's.
absl::Status MoveIntoJob(const std::string& file, const std::string& folder,
                         const std::string& name, const std::optional<Account>& owner);

/// mkdir -p for a folder of the agent's whose last part is to be `owner`'s alone
/// (0700). It must not be below one that a job can write to.
absl::Status MakeOwnFolder(const std::string& folder, const std::optional<Account>& owner);

}  // namespace octet::isolation

#endif  // OCTET_WORKER_ISOLATION_JOB_FOLDER_H_
