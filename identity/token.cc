#include "identity/token.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <array>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "common/sha256.h"

namespace octet::identity {
namespace {

constexpr char kPrefix[] = "octet";
constexpr size_t kIdBytes = 6, kSecretBytes = 32;

template <size_t kBytes>
std::string RandomHex() {
  std::array<unsigned char, kBytes> bytes;
  // Fails only where the kernel has no randomness to give: nothing safe is left to do.
  if (RAND_bytes(bytes.data(), kBytes) != 1) std::abort();
  return absl::BytesToHexString({reinterpret_cast<const char*>(bytes.data()), kBytes});
}

bool IsHex(const std::string& text, size_t bytes) {
  if (text.size() != 2 * bytes) return false;
  for (const char c : text)
    if (!absl::ascii_isdigit(c) && !(c >= 'a' && c <= 'f')) return false;
  return true;
}

}  // namespace

TokenText NewToken() { return {RandomHex<kIdBytes>(), RandomHex<kSecretBytes>()}; }

absl::StatusOr<TokenText> ParseToken(std::string_view text) {
  const std::vector<std::string> parts =
      absl::StrSplit(absl::string_view(text.data(), text.size()), '_');
  if (parts.size() != 3 || parts[0] != kPrefix || !IsHex(parts[1], kIdBytes) ||
      !IsHex(parts[2], kSecretBytes))
    return absl::InvalidArgumentError(
        "not a token of Octet: one is octet_ID_SECRET, in one line, as `octet token create` shows "
        "it");
  return TokenText{parts[1], parts[2]};
}

std::string HashSecret(std::string_view secret) { return Sha256Hex(secret); }

bool SecretMatches(std::string_view secret, std::string_view hash) {
  const std::string own = HashSecret(secret);
  return own.size() == hash.size() && CRYPTO_memcmp(own.data(), hash.data(), own.size()) == 0;
}

}  // namespace octet::identity
