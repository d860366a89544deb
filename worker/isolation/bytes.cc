#include "worker/isolation/bytes.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace octet::isolation {
namespace {

constexpr char kUnits[] = "KMGT";

}  // namespace

absl::StatusOr<int64_t> ParseBytes(const std::string& text) {
  if (text == "none") return kUnlimited;
  const auto refuse = [&] {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is not an amount such as 512Mi, 8Gi or 1.5T, nor none"));
  };
  absl::string_view number = text;
  absl::ConsumeSuffix(&number, "B");
  absl::ConsumeSuffix(&number, "i");
  double factor = 1;
  for (int unit = 0; unit < 4; ++unit)
    if (absl::ConsumeSuffix(&number, absl::string_view(&kUnits[unit], 1)))
      factor = std::pow(1024.0, unit + 1);
  double value = 0;
  const bool digits =
      !number.empty() && absl::ascii_isdigit(number.front()) && absl::ascii_isdigit(number.back());
  if (!digits || !absl::SimpleAtod(number, &value)) return refuse();
  value *= factor;
  if (!(value >= 1 && value < 0x1p62)) return refuse();
  return static_cast<int64_t>(value);
}

std::string FormatBytes(int64_t bytes) {
  if (bytes == kUnlimited) return "no limit";
  double value = static_cast<double>(bytes);
  int unit = -1;
  while (value >= 1024 && unit < 3) {
    value /= 1024;
    ++unit;
  }
  if (unit < 0) return absl::StrCat(bytes, " bytes");
  const std::string number =
      value == std::floor(value) ? absl::StrFormat("%.0f", value) : absl::StrFormat("%.1f", value);
  return absl::StrFormat("%s %ciB", number, kUnits[unit]);
}

}  // namespace octet::isolation
