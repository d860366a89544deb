#include "worker/isolation/environment.h"

#include <algorithm>
#include <string_view>

namespace octet::isolation {
namespace {

constexpr std::string_view kNames[] = {"LANG",         "LANGUAGE", "LD_LIBRARY_PATH",
                                       "PATH",         "TZ",       "SSL_CERT_FILE",
                                       "SSL_CERT_DIR", "TZDIR",    "LOCPATH"};
constexpr std::string_view kPrefixes[] = {
    "CUDA_", "FI_",     "GLOO_", "GOMP_",     "HSA_",  "KMP_",        "LC_",  "MKL_",
    "NCCL_", "NVIDIA_", "OMP_",  "OMPI_MCA_", "ROCR_", "TORCH_NCCL_", "TPU_", "UCX_"};

}  // namespace

bool IsForJobs(const std::string& name) {
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames) ||
         std::any_of(std::begin(kPrefixes), std::end(kPrefixes),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

Environment CleanEnvironment(char* const* environment, const std::vector<std::string>& pass) {
  Environment clean;
  for (; *environment != nullptr; ++environment) {
    const std::string entry = *environment;
    const size_t equals = entry.find('=');
    if (equals == std::string::npos) continue;
    const std::string name = entry.substr(0, equals);
    if (IsForJobs(name) || std::find(pass.begin(), pass.end(), name) != pass.end())
      clean[name] = entry.substr(equals + 1);
  }
  return clean;
}

}  // namespace octet::isolation
