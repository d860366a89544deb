#include "common/proc_stat.h"

#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/files.h"

namespace octet {
namespace {

// proc(5) counts fields from 1; those before the third hold the name, which may
// hold blanks and parentheses of its own.
constexpr size_t kFirstField = 3, kUserTime = 14, kSystemTime = 15, kResidentPages = 24;

}  // namespace

std::optional<ProcStat> ReadProcStat(pid_t pid) {
  const auto text = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  if (!text.ok()) return std::nullopt;
  return ParseProcStat(*text);
}

std::optional<ProcStat> ParseProcStat(std::string_view text) {
  const size_t name_end = text.rfind(')');
  if (name_end == text.npos) return std::nullopt;
  const std::string rest(text.substr(name_end + 1));
  const std::vector<std::string> fields = absl::StrSplit(rest, ' ', absl::SkipWhitespace());
  const auto number = [&](size_t field) {
    int64_t value = 0;
    const size_t index = field - kFirstField;
    return index < fields.size() && absl::SimpleAtoi(fields[index], &value) ? value : -1;
  };
  const int64_t user = number(kUserTime), system = number(kSystemTime);
  const int64_t pages = number(kResidentPages);
  if (user < 0 || system < 0 || pages < 0) return std::nullopt;
  return ProcStat{static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK)),
                  pages * sysconf(_SC_PAGESIZE)};
}

}  // namespace octet
