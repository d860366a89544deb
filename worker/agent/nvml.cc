#include "worker/agent/nvml.h"

#include "common/status.h"

namespace octet::agent {

absl::StatusOr<std::unique_ptr<Nvml>> Nvml::Load() {
  void* library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return std::unique_ptr<Nvml>();
  std::unique_ptr<Nvml> nvml(new Nvml(library));
  RETURN_IF_ERROR(nvml->Call("nvmlInit_v2"));
  nvml->initialized_ = true;
  return nvml;
}

Nvml::~Nvml() {
  if (initialized_) Call("nvmlShutdown").IgnoreError();
  dlclose(library_);
}

std::string Nvml::ErrorText(NvmlReturn result) const {
  auto* text = reinterpret_cast<const char* (*)(NvmlReturn)>(dlsym(library_, "nvmlErrorString"));
  return text == nullptr ? absl::StrCat("error ", result) : std::string(text(result));
}

}  // namespace octet::agent
