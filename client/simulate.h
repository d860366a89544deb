// `octet simulate`: what policies would do with a trace of jobs, in virtual
// time and without a cluster.
#ifndef OCTET_CLIENT_SIMULATE_H_
#define OCTET_CLIENT_SIMULATE_H_

#include "client/command.h"

namespace octet::client {

void AddSimulate(Commands& commands);

}  // namespace octet::client

#endif  // OCTET_CLIENT_SIMULATE_H_
