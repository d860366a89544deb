// A libnvidia-ml.so.1 of a machine with two GPUs, or, with
// OCTET_FAKE_NVML_BROKEN set, of one whose driver fails.
#include <cstdlib>
#include <cstring>

namespace {

int devices[2];
constexpr int kSuccess = 0;
constexpr int kNotSupported = 3;
constexpr int kDriverNotLoaded = 9;

}  // namespace

extern "C" {

struct nvmlMemory_t {
  unsigned long long total, free, used;
};

struct nvmlUtilization_t {
  unsigned gpu, memory;
};

int nvmlInit_v2() {
  return std::getenv("OCTET_FAKE_NVML_BROKEN") != nullptr ? kDriverNotLoaded : kSuccess;
}
int nvmlShutdown() { return kSuccess; }
const char* nvmlErrorString(int) { return "Driver Not Loaded"; }
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = 2;
  return kSuccess;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  *device = &devices[index];
  return kSuccess;
}
int nvmlDeviceGetName(void*, char* name, unsigned length) {
  std::strncpy(name, "NVIDIA H100 80GB HBM3", length);
  return kSuccess;
}
int nvmlDeviceGetUUID(void* device, char* uuid, unsigned length) {
  std::strncpy(uuid, device == &devices[0] ? "GPU-first" : "GPU-second", length);
  return kSuccess;
}
int nvmlDeviceGetMemoryInfo(void*, nvmlMemory_t* memory) {
  memory->total = 80ull << 30;
  memory->used = 20ull << 30;
  return kSuccess;
}
int nvmlDeviceGetUtilizationRates(void*, nvmlUtilization_t* utilization) {
  *utilization = {75, 30};
  return kSuccess;
}
int nvmlDeviceGetPowerUsage(void*, unsigned* milliwatts) {
  *milliwatts = 350500;
  return kSuccess;
}
int nvmlDeviceGetEnforcedPowerLimit(void*, unsigned* milliwatts) {
  *milliwatts = 700000;
  return kSuccess;
}
int nvmlDeviceGetTemperature(void*, int, unsigned* celsius) {
  *celsius = 61;
  return kSuccess;
}
int nvmlDeviceGetClockInfo(void*, int, unsigned* megahertz) {
  *megahertz = 1980;
  return kSuccess;
}
// The second GPU has no ECC.
int nvmlDeviceGetTotalEccErrors(void* device, int type, int, unsigned long long* count) {
  *count = type == 0 ? 5 : 1;
  return device == &devices[0] ? kSuccess : kNotSupported;
}
int nvmlDeviceGetCurrentClocksThrottleReasons(void*, unsigned long long* reasons) {
  *reasons = 0x20;  // by software, for heat
  return kSuccess;
}

}  // extern "C"
