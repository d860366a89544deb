// What this machine's ranks can compute on.
#ifndef OCTET_WORKER_AGENT_SLOTS_H_
#define OCTET_WORKER_AGENT_SLOTS_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "octet/v1/nodes.pb.h"

namespace octet::agent {

/// NVIDIA's GPUs in NVML's order, by libnvidia-ml.so.1, loaded at run time.
/// Empty when the machine has no driver. UNAVAILABLE: the driver is there and
/// fails, with its reason.
absl::StatusOr<std::vector<v1::Slot>> GpuSlots();

/// `count` CPU slots, which share the machine's memory evenly.
std::vector<v1::Slot> CpuSlots(int count);

/// `count` TPU slots. Nothing on the machine is asked: what a slot of it stands
/// for, a chip or all of the host's, is its owner's choice.
std::vector<v1::Slot> TpuSlots(int count);

/// CpuSlots(*cpu_slots) or TpuSlots(*tpu_slots) when given; else the GPUs; else
/// a CPU slot a core.
absl::StatusOr<std::vector<v1::Slot>> FindSlots(std::optional<int> cpu_slots,
                                                std::optional<int> tpu_slots = std::nullopt);

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_SLOTS_H_
