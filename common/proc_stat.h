// What a process costs, as the kernel counts it.
#ifndef OCTET_COMMON_PROC_STAT_H_
#define OCTET_COMMON_PROC_STAT_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace octet {

struct ProcStat {
  double cpu_seconds = 0;  // user and system, without its children
  int64_t resident_bytes = 0;
};

/// Of a process of this machine; nothing: it is gone.
std::optional<ProcStat> ReadProcStat(pid_t pid);

/// text: of /proc/PID/stat.
std::optional<ProcStat> ParseProcStat(std::string_view text);

}  // namespace octet

#endif  // OCTET_COMMON_PROC_STAT_H_
