#include "worker/agent/labels.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace octet::agent {
namespace {

// False: quotes that do not match, or an escape that there is not.
bool Unquote(std::string& value) {
  if (value.empty() || value.front() != '"') return true;
  if (value.size() < 2 || value.back() != '"') return false;
  std::string plain;
  if (!absl::CUnescape(value.substr(1, value.size() - 2), &plain)) return false;
  value = std::move(plain);
  return true;
}

}  // namespace

absl::StatusOr<std::map<std::string, std::string>> ParseLabels(const std::string& text) {
  std::map<std::string, std::string> labels;
  int number = 0;
  for (const absl::string_view untrimmed : absl::StrSplit(text, '\n')) {
    ++number;
    const std::string line(absl::StripAsciiWhitespace(untrimmed));
    if (line.empty() || line.front() == '#') continue;
    const size_t equals = line.find('=');
    std::string value = equals == std::string::npos ? "" : line.substr(equals + 1);
    if (equals == std::string::npos || equals == 0 || !Unquote(value))
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number, ": ", line, " is neither KEY=VALUE nor KEY=\"VALUE\""));
    labels[line.substr(0, equals)] = std::move(value);
  }
  return labels;
}

}  // namespace octet::agent
