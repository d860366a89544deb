#include "worker/agent/slots.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/status.h"

namespace octet::agent {
namespace {

// The part of NVML's C interface that is used here, declared by hand so that
// a build needs no CUDA headers and a node no driver.
using NvmlReturn = int;  // 0 is success.
using NvmlDevice = void*;
struct NvmlMemory {
  unsigned long long total, free, used;
};
constexpr unsigned kNvmlNameSize = 96;

struct Library {
  void* handle = nullptr;
  ~Library() {
    if (handle != nullptr) dlclose(handle);
  }
};

class Nvml {
 public:
  explicit Nvml(void* library) : library_(library) {}

  template <typename... Args>
  absl::Status Call(const char* function, Args... args) const {
    auto* call = reinterpret_cast<NvmlReturn (*)(Args...)>(dlsym(library_, function));
    if (call == nullptr)
      return absl::UnavailableError(absl::StrCat("libnvidia-ml.so.1 has no ", function));
    const NvmlReturn result = call(args...);
    if (result == 0) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat(function, ": ", ErrorText(result)));
  }

 private:
  std::string ErrorText(NvmlReturn result) const {
    auto* text = reinterpret_cast<const char* (*)(NvmlReturn)>(dlsym(library_, "nvmlErrorString"));
    return text == nullptr ? absl::StrCat("error ", result) : std::string(text(result));
  }

  void* const library_;
};

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
  Library library{dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL)};
  if (library.handle == nullptr) return std::vector<v1::Slot>();
  const Nvml nvml(library.handle);
  RETURN_IF_ERROR(nvml.Call("nvmlInit_v2"));
  auto slots = DescribeGpus(nvml);
  RETURN_IF_ERROR(nvml.Call("nvmlShutdown"));
  return slots;
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
