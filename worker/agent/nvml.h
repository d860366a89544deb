// NVIDIA's management library, loaded at run time.
#ifndef OCTET_WORKER_AGENT_NVML_H_
#define OCTET_WORKER_AGENT_NVML_H_

#include <dlfcn.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace octet::agent {

// The part of NVML's C interface that is used, declared by hand so that a
// build needs no CUDA headers and a node no driver.
using NvmlReturn = int;  // 0 is success.
using NvmlDevice = void*;
struct NvmlMemory {
  unsigned long long total, free, used;
};
struct NvmlUtilization {
  unsigned gpu, memory;  // percent
};
inline constexpr unsigned kNvmlNameSize = 96;

/// libnvidia-ml.so.1, initialized for as long as this lives. Thread-safe.
class Nvml {
 public:
  /// Null: this machine has no driver. UNAVAILABLE: the driver is there and
  /// fails, with its reason.
  static absl::StatusOr<std::unique_ptr<Nvml>> Load();
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  /// UNAVAILABLE: there is no such function, or it fails.
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
  explicit Nvml(void* library) : library_(library) {}
  std::string ErrorText(NvmlReturn result) const;

  void* const library_;
  bool initialized_ = false;
};

}  // namespace octet::agent

#endif  // OCTET_WORKER_AGENT_NVML_H_
