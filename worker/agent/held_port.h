// A port that is kept for a rank.
#ifndef OCTET_WORKER_AGENT_HELD_PORT_H_
#define OCTET_WORKER_AGENT_HELD_PORT_H_

#include <memory>

#include "absl/status/statusor.h"

namespace octet::agent {

/// A TCP port of every local address, bound but not listened on for the life
/// of this object. The kernel hands it to nobody who asks for any port, nor for
/// an outgoing connection, and refuses connections to it; but a program of the
/// same user that sets SO_REUSEADDR or SO_REUSEPORT can bind it by number and
/// listen: as gloo, torch's TCPStore and gRPC do, and any server should.
class HeldPort {
 public:
  static absl::StatusOr<std::unique_ptr<HeldPort>> Hold();
  ~HeldPort();
  HeldPort(const HeldPort&) = delete;
  HeldPort& operator=(const HeldPort&) = delete;

  int port() const { return port_; }

 private:
  HeldPort(int fd, int port) : fd_(fd), port_(port) {}
  const int fd_;
  const int port_;
};

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_HELD_PORT_H_
