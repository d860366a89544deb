#include "worker/trainer/device_backend.h"

#include <dlfcn.h>

#include <filesystem>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "common/status.h"
#include "worker/trainer/torch_errors.h"

namespace octet::trainer {
namespace {

class CpuBackend : public DeviceBackend {
 public:
  at::Device device() const override { return at::kCPU; }

  absl::StatusOr<c10::intrusive_ptr<c10d::ProcessGroup>> Connect(
      const GroupOptions& options) override {
    c10::intrusive_ptr<c10d::ProcessGroup> group;
    RETURN_IF_ERROR(Guard("connecting the ranks", [&] {
      using Gloo = c10d::ProcessGroupGloo;
      auto gloo = Gloo::Options::create(absl::ToChronoMilliseconds(options.timeout));
      // Not by the host's name where ranks share the machine: it may lead
      // through another interface, or nowhere.
      gloo->devices.push_back(options.single_node ? Gloo::createDeviceForHostname("127.0.0.1")
                                                  : Gloo::createDefaultDevice());
      group = MakeGroup(
          options, device(), c10d::ProcessGroup::BackendType::GLOO,
          c10::make_intrusive<Gloo>(options.store, options.rank, options.world_size, gloo));
    }));
    return group;
  }
};

std::string DefaultModule() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "octet-cuda.so";
}

}  // namespace

absl::StatusOr<std::unique_ptr<DeviceBackend>> OpenBackend(const std::string& device,
                                                           const std::string& cuda_module) {
  if (device == "cpu") return std::make_unique<CpuBackend>();
  absl::string_view index_text = device;
  int index = 0;
  if (!absl::ConsumePrefix(&index_text, "cuda:") || !absl::SimpleAtoi(index_text, &index) ||
      index < 0)
    return absl::InvalidArgumentError(
        absl::StrCat("device ", device, " is none: there are cpu and cuda:N"));
  const std::string module = cuda_module.empty() ? DefaultModule() : cuda_module;
  // Never closed: CUDA's threads and registrations outlive every use of it.
  void* handle = dlopen(module.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (!handle)
    return absl::UnavailableError(absl::StrCat("cannot load the CUDA module: ", dlerror(),
                                               "; Debian's package of it is octet-agent-cuda"));
  const auto open = reinterpret_cast<OpenCudaBackend>(dlsym(handle, kCudaModuleEntry));
  if (!open) return absl::UnavailableError(absl::StrCat(module, " is not a CUDA module of Octet"));
  absl::StatusOr<std::unique_ptr<DeviceBackend>> backend = absl::UnknownError(module);
  open(index, &backend);
  return backend;
}

}  // namespace octet::trainer
