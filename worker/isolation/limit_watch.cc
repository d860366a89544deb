#include "worker/isolation/limit_watch.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "worker/isolation/usage.h"

namespace octet::isolation {
namespace {

constexpr absl::Duration kInterval = absl::Milliseconds(200);
constexpr absl::Duration kDiskInterval = absl::Seconds(1);
constexpr int kIdleShare = 20;

}  // namespace

absl::Duration LimitWatch::interval() const {
  const bool anything =
      Watches(limits_.memory_bytes) || Watches(limits_.disk_bytes) || Watches(limits_.processes);
  return anything ? kInterval : absl::InfiniteDuration();
}

std::optional<Breach> LimitWatch::Look(pid_t root, absl::Duration now) {
  if (interval() == absl::InfiniteDuration()) return std::nullopt;
  const std::vector<pid_t> processes = ProcessesBelow(root);
  if (static_cast<int64_t>(processes.size()) > limits_.processes)
    return Breach{
        Breach::Kind::kProcesses,
        absl::StrCat("has ", processes.size(), " processes, its limit is ", limits_.processes)};
  if (Watches(limits_.memory_bytes)) {
    const int64_t used = MemoryOf(processes, limits_.memory_bytes);
    if (used > limits_.memory_bytes)
      return Breach{Breach::Kind::kMemory,
                    absl::StrCat("uses ", FormatBytes(used), " of memory, its limit is ",
                                 FormatBytes(limits_.memory_bytes))};
  }
  if (!Watches(limits_.disk_bytes) || now < next_disk_look_) return std::nullopt;
  const absl::Duration began = Clock::Real().Steady();
  std::optional<Breach> breach = LookAtDisk(processes);
  next_disk_look_ = now + std::max(kDiskInterval, kIdleShare * (Clock::Real().Steady() - began));
  return breach;
}

std::optional<Breach> LimitWatch::LookAtDisk(const std::vector<pid_t>& processes) const {
  const DiskUsage usage = DiskOf(folders_);
  if (!usage.whole)
    return Breach{Breach::Kind::kDisk, "has written more files than can be counted (1000000)"};
  const int64_t written = usage.bytes + UnlinkedBytes(processes, folders_.front());
  if (written <= limits_.disk_bytes) return std::nullopt;
  return Breach{Breach::Kind::kDisk,
                absl::StrCat("has written ", FormatBytes(written), ", its limit is ",
                             FormatBytes(limits_.disk_bytes))};
}

}  // namespace octet::isolation
