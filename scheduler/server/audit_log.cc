#include "scheduler/server/audit_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/files.h"
#include "common/log.h"
#include "common/status.h"
#include "common/text.h"
#include "google/protobuf/util/json_util.h"

namespace octet::scheduler {
namespace {

std::string ToLine(const v1::AuditEntry& entry) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string line;
  // Cannot fail: the message has no Any.
  (void)google::protobuf::util::MessageToJsonString(entry, &line, options);
  return line + "\n";
}

// A line that a dying machine cut off is left out.
std::vector<v1::AuditEntry> ReadEntries(const std::string& path) {
  std::vector<v1::AuditEntry> entries;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    v1::AuditEntry entry;
    if (google::protobuf::util::JsonStringToMessage(line, &entry).ok())
      entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace

absl::StatusOr<std::unique_ptr<AuditLog>> AuditLog::Open(const std::string& dir,
                                                         int64_t most_bytes) {
  std::unique_ptr<AuditLog> log(new AuditLog(dir, most_bytes));
  absl::MutexLock lock(&log->mutex_);
  RETURN_IF_ERROR(log->Reopen());
  return log;
}

AuditLog::~AuditLog() {
  absl::MutexLock lock(&mutex_);
  if (fd_ >= 0) close(fd_);
}

std::string AuditLog::Path(int age) const {
  return age == 0 ? dir_ + "/audit.jsonl" : absl::StrCat(dir_, "/audit.", age, ".jsonl");
}

absl::Status AuditLog::Reopen() {
  if (fd_ >= 0) close(fd_);
  fd_ = open(Path(0).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  struct stat info;
  if (fd_ < 0 || fstat(fd_, &info) != 0) return ErrnoStatus("cannot open", Path(0));
  size_ = info.st_size;
  return absl::OkStatus();
}

absl::Status AuditLog::Rotate() {
  for (int age = kMostOld - 1; age >= 0; --age)
    if (rename(Path(age).c_str(), Path(age + 1).c_str()) != 0 && errno != ENOENT)
      return ErrnoStatus("cannot rename", Path(age));
  return Reopen();
}

absl::Status AuditLog::Write(const std::string& line) {
  if (size_ > 0 && size_ + static_cast<int64_t>(line.size()) > most_bytes_)
    RETURN_IF_ERROR(Rotate());
  // One write: lines of one file never mix.
  if (write(fd_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    return ErrnoStatus("cannot write to", Path(0));
  size_ += static_cast<int64_t>(line.size());
  return absl::OkStatus();
}

void AuditLog::Append(const v1::AuditEntry& entry) {
  const std::string line = ToLine(entry);
  absl::MutexLock lock(&mutex_);
  if (const absl::Status written = Write(line); !written.ok())
    spdlog::error("audit: {}: {}", std::string(written.message()), line);
}

absl::StatusOr<std::vector<v1::AuditEntry>> AuditLog::List(
    const std::function<bool(const v1::AuditEntry&)>& matches, size_t limit) const {
  std::vector<v1::AuditEntry> found;
  for (int age = 0; age <= kMostOld && found.size() < limit; ++age) {
    const std::vector<v1::AuditEntry> entries = ReadEntries(Path(age));
    for (auto entry = entries.rbegin(); entry != entries.rend() && found.size() < limit; ++entry)
      if (matches(*entry)) found.push_back(*entry);
  }
  return found;
}

absl::StatusOr<std::function<bool(const v1::AuditEntry&)>> ParseAuditFilter(
    const std::string& text) {
  std::map<std::string, std::string> wanted;
  for (absl::string_view term : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(term, absl::MaxSplits('=', 1));
    if (!absl::StrContains(term, '='))
      return absl::InvalidArgumentError(
          absl::StrCat("filter: \"", term, "\" is not a term; write field=value"));
    static const std::vector<std::string> kFields = {"principal", "method", "target", "code"};
    if (std::find(kFields.begin(), kFields.end(), parts.first) == kFields.end())
      return absl::InvalidArgumentError(absl::StrCat("filter: there is no field \"", parts.first,
                                                     "\"", DidYouMean(parts.first, kFields)));
    wanted[parts.first] = parts.second;
  }
  return [wanted](const v1::AuditEntry& entry) {
    const auto is = [&](const char* field, const std::string& value) {
      const auto found = wanted.find(field);
      return found == wanted.end() || found->second == value;
    };
    // A method is named with its service or without.
    const std::string& method = entry.method();
    return is("principal", entry.principal().name()) && is("target", entry.target()) &&
           is("code", entry.code()) &&
           (is("method", method) || is("method", method.substr(method.find('/') + 1)));
  };
}

}  // namespace octet::scheduler
