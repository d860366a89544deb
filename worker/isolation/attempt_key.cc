#include "worker/isolation/attempt_key.h"

#include <sys/random.h>

#include "absl/strings/escaping.h"
#include "common/files.h"

namespace octet::isolation {

absl::StatusOr<std::string> NewAttemptKey() {
  char bits[16];
  if (getrandom(bits, sizeof(bits), 0) != sizeof(bits))
    return ErrnoStatus("cannot draw a key from", "the kernel");
  return absl::BytesToHexString(absl::string_view(bits, sizeof(bits)));
}

}  // namespace octet::isolation
