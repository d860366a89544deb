// The addresses that the scheduler may listen on.
#ifndef OCTET_SCHEDULER_SERVER_LISTEN_H_
#define OCTET_SCHEDULER_SERVER_LISTEN_H_

#include <string>

#include "absl/status/status.h"

namespace octet::scheduler {

/// unix:PATH; else it is host:port.
bool IsUnixSocket(const std::string& address);

/// OK for unix:PATH with an absolute PATH that fits a socket address, and for
/// host:port. INVALID_ARGUMENT says what is wrong with it.
absl::Status CheckListenAddress(const std::string& address);

/// Makes way for a Unix socket: its folder is made, for this user only, and a
/// socket that a dead scheduler left is removed. ALREADY_EXISTS: somebody
/// answers on it, or it is a file of another kind. Nothing to do for host:port.
absl::Status PrepareListenAddress(const std::string& address);

/// Lets only this user open the socket. Nothing to do for host:port.
absl::Status ProtectListenAddress(const std::string& address);

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_LISTEN_H_
