// How values, messages and tables look.
#ifndef OCTET_CLIENT_OUTPUT_H_
#define OCTET_CLIENT_OUTPUT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/command.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/generated_enum_reflection.h"
#include "google/protobuf/message.h"
#include "google/protobuf/timestamp.pb.h"
#include "octet/v1/jobs.pb.h"

namespace octet::client {

/// "812 B", "1.4 MiB".
std::string FormatBytes(int64_t bytes);
/// Three digits and an SI prefix: FormatRate(1.5e11, "FLOPS") is "150 GFLOPS".
std::string FormatRate(double value, const std::string& unit);
/// "12345 images/s", "8.4 images/s".
std::string FormatImageRate(double images_per_s);
/// "12s", "3m05s", "2h10m".
std::string ShortDuration(absl::Duration duration);
/// "92.31"
std::string FormatPercent(double percent);

absl::Time ToTime(const google::protobuf::Timestamp& time);
absl::Duration ToDuration(const google::protobuf::Duration& duration);

namespace internal {
std::string Word(const google::protobuf::EnumDescriptor* type, int number);
}  // namespace internal

/// "running" for JOB_STATE_RUNNING, "rank_lost" for FAILURE_CLASS_RANK_LOST: any
/// of the API's enums.
template <typename Enum>
std::string Word(Enum value) {
  return internal::Word(google::protobuf::GetEnumDescriptor<Enum>(), value);
}

/// Rows under a header; columns as wide as they need, numbers to the right.
class Table {
 public:
  /// Every row has as many cells.
  explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }
  void Print(std::ostream& out) const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

/// -o json or yaml: what is on stdout is one document.
bool IsStructured(const Context& context);

/// For -o json and yaml: prints and answers true; else false. One message is
/// an object, a list of them an array, with the proto's field names.
bool PrintMessage(Context& context, const google::protobuf::Message& message);
bool PrintMessages(Context& context, const std::vector<const google::protobuf::Message*>& messages);
/// The same for a JSON document that is no message.
bool PrintDocument(Context& context, const std::string& json);
template <typename Repeated>
bool PrintList(Context& context, const Repeated& list) {
  return PrintMessages(context, {list.pointer_begin(), list.pointer_end()});
}

/// The table of targets: format, size, top-1 of float and artifact, verdict.
void PrintTargetTable(Context& context, const std::vector<const v1::TargetResult*>& results);

template <typename Results>
void PrintTargets(Context& context, const Results& results) {
  std::vector<const v1::TargetResult*> pointers;
  for (const v1::TargetResult& result : results) pointers.push_back(&result);
  PrintTargetTable(context, pointers);
}

}  // namespace octet::client

#endif  // OCTET_CLIENT_OUTPUT_H_
