// Bearer tokens: octet_ID_SECRET.
#ifndef OCTET_IDENTITY_TOKEN_H_
#define OCTET_IDENTITY_TOKEN_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace octet::identity {

/// A token as its owner has it.
struct TokenText {
  std::string id;      // public: 12 hex digits
  std::string secret;  // 256 random bits, as 64 hex digits

  std::string ToString() const { return "octet_" + id + "_" + secret; }
};

/// Random, from the kernel.
TokenText NewToken();

/// INVALID_ARGUMENT: not a token; the message holds nothing of the text.
absl::StatusOr<TokenText> ParseToken(std::string_view text);

/// What is stored of a secret: SHA-256 in hex. A slow hash would add nothing,
/// for the secret is not a password: 256 random bits cannot be guessed.
std::string HashSecret(std::string_view secret);

/// Takes as long whether or not they are the same.
bool SecretMatches(std::string_view secret, std::string_view hash);

}  // namespace octet::identity

#endif  // OCTET_IDENTITY_TOKEN_H_
