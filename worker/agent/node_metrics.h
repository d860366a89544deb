// How much of the node is in use.
#ifndef OCTET_WORKER_AGENT_NODE_METRICS_H_
#define OCTET_WORKER_AGENT_NODE_METRICS_H_

#include <string>
#include <string_view>
#include <vector>

#include "prometheus/metric_family.h"

namespace octet::agent {

/// octet_agent_{disk,shm,memory,cpu}*. dir: the agent's folder. What cannot be
/// read is left out.
void CollectNode(const std::string& node, const std::string& dir,
                 std::vector<prometheus::MetricFamily>& families);

/// Of /proc/meminfo, such as "MemAvailable"; -1: it is not there.
double MemoryBytes(std::string_view meminfo, std::string_view field);
/// Of /proc/stat: seconds in which the CPUs were not idle, over all of them;
/// -1: it is not there.
double BusySeconds(std::string_view stat);

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_NODE_METRICS_H_
