// The keeper's own side: what runs in the forked child.
#ifndef OCTET_WORKER_AGENT_KEEPER_PROCESS_H_
#define OCTET_WORKER_AGENT_KEEPER_PROCESS_H_

#include "worker/isolation/confinement.h"

namespace octet::agent {

/// Serves plans, one after the other, until the agent's end of `control`, a
/// SOCK_SEQPACKET, is closed. A packet that carries descriptors is a plan: a
/// memory file with its image, and the pipe of the rank that has one. Any other
/// is a signal, an int32_t, for the ranks there are.
///
/// For each plan it starts the ranks, passes on signals to their process
/// groups, tells of their ends, kills whatever of their descendants is left
/// when the last has ended or the agent is gone, and tells that nothing is left
/// (KeeperNews). Nothing of a plan stays with it.
///
/// Call with all signals blocked, in a child forked from any thread: it
/// allocates nothing and takes no lock.
///
/// A confinement that is on binds the keeper too, for ever: it serves one plan.
[[noreturn]] void RunKeeper(int control, const isolation::Confinement& confinement);

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_KEEPER_PROCESS_H_
