#include "worker/agent/gpu_metrics.h"

#include <map>
#include <utility>

#include "common/log.h"
#include "common/scraped.h"
#include "common/status.h"

namespace octet::agent {
namespace {

using Labels = std::map<std::string, std::string>;
using prometheus::MetricType;

// NVML's numbers for what is asked of it.
constexpr int kGpuSensor = 0;
constexpr int kSmClock = 1;
constexpr int kSinceLoad = 0;  // errors since the driver was loaded
constexpr std::pair<const char*, int> kEccKinds[] = {{"corrected", 0}, {"uncorrected", 1}};
// Why the clock is lower than it could be, among the bits of its mask.
constexpr std::pair<const char*, unsigned long long> kSlowdowns[] = {
    {"power_cap", 0x4}, {"thermal", 0x20 | 0x40}, {"hardware", 0x8 | 0x80}};

// Every family, in the order in which it is shown.
struct Families {
  Scraped info{"octet_agent_gpu_info", "1; says which GPU this is."};
  Scraped utilization{"octet_agent_gpu_utilization_ratio",
                      "Part of the last moments in which a kernel ran."};
  Scraped memory_used{"octet_agent_gpu_memory_used_bytes", "Memory in use, the driver's included."};
  Scraped memory_size{"octet_agent_gpu_memory_size_bytes", "Memory of the GPU."};
  Scraped power{"octet_agent_gpu_power_watts", "Power that it draws."};
  Scraped power_limit{"octet_agent_gpu_power_limit_watts", "Power that it may draw."};
  Scraped temperature{"octet_agent_gpu_temperature_celsius", "Temperature of the chip."};
  Scraped clock{"octet_agent_gpu_sm_clock_hertz", "Clock of the multiprocessors."};
  Scraped ecc{"octet_agent_gpu_ecc_errors_total",
              "Memory errors since the driver was loaded: corrected, or uncorrected, which cost "
              "data.",
              MetricType::Counter};
  Scraped slowed{"octet_agent_gpu_slowed_down",
                 "1 while the clock is held down: by its power_cap, by heat (thermal), or by the "
                 "hardware's own protection."};

  void To(std::vector<prometheus::MetricFamily>& out) {
    for (Scraped* family : {&info, &utilization, &memory_used, &memory_size, &power, &power_limit,
                            &temperature, &clock, &ecc, &slowed})
      family->To(out);
  }
};

void AddLoad(const Nvml& nvml, NvmlDevice device, const Labels& labels, Families& to) {
  NvmlUtilization utilization = {};
  if (nvml.Call("nvmlDeviceGetUtilizationRates", device, &utilization).ok())
    to.utilization.Add(labels, utilization.gpu / 100.0);
  NvmlMemory memory = {};
  if (nvml.Call("nvmlDeviceGetMemoryInfo", device, &memory).ok()) {
    to.memory_used.Add(labels, static_cast<double>(memory.used));
    to.memory_size.Add(labels, static_cast<double>(memory.total));
  }
}

void AddHealth(const Nvml& nvml, NvmlDevice device, const Labels& labels, Families& to) {
  // function, its unit in base units, and where it goes.
  const auto add = [&](const char* function, double unit, Scraped& family, auto... kind) {
    unsigned value = 0;
    if (nvml.Call(function, device, kind..., &value).ok()) family.Add(labels, value * unit);
  };
  add("nvmlDeviceGetPowerUsage", 1e-3, to.power);
  add("nvmlDeviceGetEnforcedPowerLimit", 1e-3, to.power_limit);
  add("nvmlDeviceGetTemperature", 1, to.temperature, kGpuSensor);
  add("nvmlDeviceGetClockInfo", 1e6, to.clock, kSmClock);
  for (const auto& [kind, number] : kEccKinds) {
    unsigned long long errors = 0;
    Labels kind_labels = labels;
    kind_labels["kind"] = kind;
    if (nvml.Call("nvmlDeviceGetTotalEccErrors", device, number, kSinceLoad, &errors).ok())
      to.ecc.Add(kind_labels, static_cast<double>(errors));
  }
  unsigned long long slowdowns = 0;
  if (!nvml.Call("nvmlDeviceGetCurrentClocksThrottleReasons", device, &slowdowns).ok()) return;
  for (const auto& [reason, bits] : kSlowdowns) {
    Labels reason_labels = labels;
    reason_labels["reason"] = reason;
    to.slowed.Add(reason_labels, (slowdowns & bits) != 0);
  }
}

}  // namespace

std::unique_ptr<GpuMetrics> GpuMetrics::Load() {
  auto gpus = Find();
  if (gpus.ok()) return *std::move(gpus);
  spdlog::warn("no figures of GPUs: {}", std::string(gpus.status().message()));
  return nullptr;
}

absl::StatusOr<std::unique_ptr<GpuMetrics>> GpuMetrics::Find() {
  ASSIGN_OR_RETURN(std::unique_ptr<Nvml> nvml, Nvml::Load());
  if (nvml == nullptr) return std::unique_ptr<GpuMetrics>();
  unsigned count = 0;
  RETURN_IF_ERROR(nvml->Call("nvmlDeviceGetCount_v2", &count));
  std::vector<Gpu> gpus(count);
  for (unsigned index = 0; index < count; ++index) {
    Gpu& gpu = gpus[index];
    char model[kNvmlNameSize] = "", uuid[kNvmlNameSize] = "";
    RETURN_IF_ERROR(nvml->Call("nvmlDeviceGetHandleByIndex_v2", index, &gpu.device));
    RETURN_IF_ERROR(nvml->Call("nvmlDeviceGetName", gpu.device, &model[0], kNvmlNameSize));
    RETURN_IF_ERROR(nvml->Call("nvmlDeviceGetUUID", gpu.device, &uuid[0], kNvmlNameSize));
    gpu.index = absl::StrCat(index);
    gpu.model = model;
    gpu.uuid = uuid;
  }
  return std::unique_ptr<GpuMetrics>(new GpuMetrics(std::move(nvml), std::move(gpus)));
}

void GpuMetrics::Collect(const std::string& node,
                         std::vector<prometheus::MetricFamily>& out) const {
  Families families;
  for (const Gpu& gpu : gpus_) {
    const Labels labels{{"gpu", gpu.index}, {"node", node}};
    Labels info = labels;
    info["model"] = gpu.model;
    info["uuid"] = gpu.uuid;
    families.info.Add(info, 1);
    AddLoad(*nvml_, gpu.device, labels, families);
    AddHealth(*nvml_, gpu.device, labels, families);
  }
  families.To(out);
}

}  // namespace octet::agent
