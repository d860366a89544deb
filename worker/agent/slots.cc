#include "worker/agent/slots.h"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "common/status.h"
#include "worker/agent/nvml.h"

namespace octet::agent {
namespace {

absl::StatusOr<v1::Slot> DescribeGpu(const Nvml& nvml, unsigned index) {
  NvmlDevice device = nullptr;
  RETURN_IF_ERROR(nvml.Call("nvmlDeviceGetHandleByIndex_v2", index, &device));
  char name[kNvmlNameSize] = "", uuid[kNvmlNameSize] = "";
  NvmlMemory memory = {};
  RETURN_IF_ERROR(nvml.Call("nvmlDeviceGetName", device, &name[0], kNvmlNameSize));
  RETURN_IF_ERROR(nvml.Call("nvmlDeviceGetUUID", device, &uuid[0], kNvmlNameSize));
  RETURN_IF_ERROR(nvml.Call("nvmlDeviceGetMemoryInfo", device, &memory));
  v1::Slot slot;
  slot.set_index(static_cast<int>(index));
  slot.set_resource("gpu");
  slot.set_model(name);
  slot.set_uuid(uuid);
  slot.set_memory_bytes(static_cast<int64_t>(memory.total));
  return slot;
}

absl::StatusOr<std::vector<v1::Slot>> DescribeGpus(const Nvml& nvml) {
  unsigned count = 0;
  RETURN_IF_ERROR(nvml.Call("nvmlDeviceGetCount_v2", &count));
  std::vector<v1::Slot> slots;
  for (unsigned index = 0; index < count; ++index) {
    ASSIGN_OR_RETURN(v1::Slot slot, DescribeGpu(nvml, index));
    slots.push_back(std::move(slot));
  }
  return slots;
}

}  // namespace

absl::StatusOr<std::vector<v1::Slot>> GpuSlots() {
  ASSIGN_OR_RETURN(const std::unique_ptr<Nvml> nvml, Nvml::Load());
  if (nvml == nullptr) return std::vector<v1::Slot>();
  return DescribeGpus(*nvml);
}

std::vector<v1::Slot> CpuSlots(int count) {
  const int64_t memory = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  std::vector<v1::Slot> slots(count);
  for (int index = 0; index < count; ++index) {
    slots[index].set_index(index);
    slots[index].set_resource("cpu");
    slots[index].set_model("CPU");
    slots[index].set_memory_bytes(memory / count);
  }
  return slots;
}

std::vector<v1::Slot> TpuSlots(int count) {
  std::vector<v1::Slot> slots(count);
  for (int index = 0; index < count; ++index) {
    slots[index].set_index(index);
    slots[index].set_resource("tpu");
    slots[index].set_model("TPU");
  }
  return slots;
}

absl::StatusOr<std::vector<v1::Slot>> FindSlots(std::optional<int> cpu_slots,
                                                std::optional<int> tpu_slots) {
  if (tpu_slots) return TpuSlots(*tpu_slots);
  if (cpu_slots) return CpuSlots(*cpu_slots);
  auto gpus = GpuSlots();
  if (!gpus.ok())
    return Annotate(gpus.status(),
                    "cannot list this machine's GPUs (mend its driver, or give --cpu-slots N)");
  if (!gpus->empty()) return gpus;
  return CpuSlots(static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
}

}  // namespace octet::agent
