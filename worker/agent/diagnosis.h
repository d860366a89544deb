// Gives a rank's failure its cause.
#ifndef OCTET_WORKER_AGENT_DIAGNOSIS_H_
#define OCTET_WORKER_AGENT_DIAGNOSIS_H_

#include "octet/v1/jobs.pb.h"
#include "worker/agent/verdict.h"
#include "worker/failure/evidence.h"
#include "worker/isolation/limit_watch.h"

namespace octet::agent {

/// Completes `failure`, which says how `outcome` ended, by its cause, unless it
/// has one, the class that goes with it, and a sentence with the way out. A class that says more
/// than whose fault it is (a hung rank, a lost accuracy) is kept, and so is the
/// class that the rank named itself where no rule knows better.
void NameCause(const RankOutcome& outcome, bool is_command, const failure::NodeFacts& node,
               v1::Failure& failure);

/// The same for ranks that could not be started, as failure.message says.
void NameCauseOfStart(bool is_command, const failure::NodeFacts& node, v1::Failure& failure);

/// Of a rank that stands still while others wait for it.
v1::Failure HungRank(const failure::RankPosition& position, const std::string& node);

/// Of a job's part on this node that uses more than it may.
v1::Failure LimitPassed(const isolation::Breach& breach, const std::string& job,
                        const std::string& node);

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_DIAGNOSIS_H_
