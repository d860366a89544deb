// Whole files, read and written so that a crash leaves the old one or the new.
#ifndef OCTET_COMMON_FILES_H_
#define OCTET_COMMON_FILES_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace octet {

/// A Status from errno: "what path: why". ENOENT is NOT_FOUND, EACCES and
/// EPERM are PERMISSION_DENIED, ENOSPC, EDQUOT and EFBIG are
/// RESOURCE_EXHAUSTED, EEXIST is ALREADY_EXISTS, the rest UNAVAILABLE.
absl::Status ErrnoStatus(std::string_view what, std::string_view path);

absl::StatusOr<std::string> ReadFile(const std::string& path);

/// Writes beside `path`, syncs, and renames over it: after a crash or an error
/// `path` holds all of the old bytes or all of the new. Nothing is left beside
/// it on an error. Makes missing parent folders. mode: of the new file.
absl::Status WriteFileAtomic(const std::string& path, std::string_view bytes, unsigned mode = 0666);

/// mkdir -p. mode: of folders that it makes.
absl::Status MakeFolders(const std::string& path, unsigned mode = 0777);

}  // namespace octet

#endif  // OCTET_COMMON_FILES_H_
