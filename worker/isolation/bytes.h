// Amounts of memory and disk as people write them.
#ifndef OCTET_WORKER_ISOLATION_BYTES_H_
#define OCTET_WORKER_ISOLATION_BYTES_H_

#include <cstdint>
#include <limits>
#include <string>

#include "absl/status/statusor.h"

namespace octet::isolation {

/// An amount that bounds nothing.
inline constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();

/// "512M", "8Gi", "1.5T" or "4096": bytes; K, M, G and T with or without "i"
/// and "B" count by 1024. "none" is kUnlimited. INVALID_ARGUMENT: another text,
/// or nothing at all.
absl::StatusOr<int64_t> ParseBytes(const std::string& text);

/// "21.5 GiB", "512 MiB", "10 bytes"; "no limit" for kUnlimited.
std::string FormatBytes(int64_t bytes);

}  // namespace octet::isolation

#endif  // OCTET_WORKER_ISOLATION_BYTES_H_
