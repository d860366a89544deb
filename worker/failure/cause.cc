#include "worker/failure/cause.h"

#include <algorithm>

namespace octet::failure {
namespace {

using enum FailureClass;

constexpr CauseFacts kCauses[] = {
    {Cause::kUnknown, "unknown", kUnspecified, "ended for no known reason",
     "read its log with `octet logs`"},
    {Cause::kCancelled, "cancelled", kJob, "ended by its user", "submit it again if it was not"},
    {Cause::kTimeLimit, "time_limit", kTimeLimit, "out of time",
     "give it a longer time_limit, or less to do"},
    {Cause::kNodeLost, "node_lost", kNodeLost, "lost node",
     "the job goes on elsewhere; look after the node"},
    {Cause::kAgentKilled, "agent_killed", kNodeLost, "lost agent",
     "the job goes on; see on the node why octet-agent ended"},
    {Cause::kOutOfMemory, "out_of_memory", kOutOfMemory, "out of memory",
     "lower the batch size, put fewer ranks on a node, or give it more memory"},
    {Cause::kHang, "hang", kHungRank, "hung rank",
     "the job goes on from its last checkpoint; if the same node hangs again, drain it"},
    {Cause::kDiskFull, "disk_full", kInfrastructure, "disk full",
     "make room on the node, or raise the quota"},
    {Cause::kSlowNetwork, "slow_network", kInfrastructure, "network too slow or broken",
     "check the node's link and switch, or put the gang on fewer nodes"},
    {Cause::kDeviceFault, "device_fault", kInfrastructure, "device fault",
     "drain the node and check its GPUs"},
    {Cause::kNan, "nan", kBadData, "the loss is not a number",
     "lower the learning rate, warm up for longer, or clip gradients"},
    {Cause::kBadData, "bad_data", kBadData, "damaged or missing input",
     "check the file that it names"},
    {Cause::kWrongCommand, "wrong_command", kJob, "wrong command",
     "correct the program's path or its arguments"},
    {Cause::kNotAllowed, "not_allowed", kJob, "not allowed",
     "a job sees its own folder, the system's programs and what its node opens to jobs "
     "(octet-agent --data-root, --work-root)"},
    {Cause::kOverLimit, "over_limit", kJob, "over its limit",
     "write or start less, or ask for more slots: each has its share of the node"},
    {Cause::kCrash, "crash", kRankLost, "crash", "see the last lines of its stderr"},
    {Cause::kKilled, "killed", kRankLost, "killed from outside",
     "see who sends signals on that node; it was neither Octet nor the kernel's OOM killer"},
    {Cause::kPeerLost, "peer_lost", kInfrastructure, "lost its peers",
     "look at the other ranks: this one only lost its connection to them"},
    {Cause::kMachineFault, "machine_fault", kInfrastructure, "machine fault", "check the node"},
    {Cause::kProgramError, "program_error", kJob, "error of the program",
     "see the last lines of its stderr"},
    {Cause::kSilentEnd, "silent_end", kRankLost, "ended without a word",
     "see the last lines of its stderr"},
};

}  // namespace

const CauseFacts& FactsOf(Cause cause) {
  return *std::find_if(std::begin(kCauses), std::end(kCauses) - 1,
                       [&](const CauseFacts& facts) { return facts.cause == cause; });
}

}  // namespace octet::failure
