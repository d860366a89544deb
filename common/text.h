// Small text helpers for messages that people read.
#ifndef OCTET_COMMON_TEXT_H_
#define OCTET_COMMON_TEXT_H_

#include <string>
#include <string_view>
#include <vector>

namespace octet {

/// The candidate with the smallest edit distance to `word`, or "" when none is
/// near (more than a third of the word would change).
std::string Nearest(const std::string& word, const std::vector<std::string>& candidates);

/// "; did you mean x?" or "; there are a, b and c" - the way out of a name
/// that does not exist.
std::string DidYouMean(const std::string& word, const std::vector<std::string>& candidates);

/// Whether protobuf takes it as a string: well-formed UTF-8 (RFC 3629).
bool IsUtf8(std::string_view text);

}  // namespace octet

#endif  // OCTET_COMMON_TEXT_H_
