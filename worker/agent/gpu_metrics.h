// How the node's GPUs are.
#ifndef OCTET_WORKER_AGENT_GPU_METRICS_H_
#define OCTET_WORKER_AGENT_GPU_METRICS_H_

#include <memory>
#include <string>
#include <vector>

#include "prometheus/metric_family.h"
#include "worker/agent/nvml.h"

namespace octet::agent {

/// octet_agent_gpu_* of every GPU that the driver knows, whether it is a slot or
/// not. Thread-safe.
class GpuMetrics {
 public:
  /// Null: the machine has no driver, or one that fails; then there is nothing
  /// to tell.
  static std::unique_ptr<GpuMetrics> Load();

  /// What the driver refuses to tell of a GPU is left out.
  void Collect(const std::string& node, std::vector<prometheus::MetricFamily>& families) const;

 private:
  struct Gpu {
    NvmlDevice device = nullptr;
    std::string index, model, uuid;
  };
  GpuMetrics(std::unique_ptr<Nvml> nvml, std::vector<Gpu> gpus)
      : nvml_(std::move(nvml)), gpus_(std::move(gpus)) {}
  static absl::StatusOr<std::unique_ptr<GpuMetrics>> Find();

  const std::unique_ptr<Nvml> nvml_;
  const std::vector<Gpu> gpus_;
};

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_GPU_METRICS_H_
