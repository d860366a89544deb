#include "client/output.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "google/protobuf/util/json_util.h"
#include "nlohmann/json.hpp"
#include "yaml-cpp/yaml.h"

namespace octet::client {
namespace {

// Columns as they look on the screen: UTF-8's continuation bytes take none.
size_t Width(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

bool LooksLikeANumber(const std::string& text) {
  return !text.empty() && (std::isdigit(static_cast<unsigned char>(text[0])) || text == "-");
}

std::string JsonOf(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) return "{}";
  return json;
}

// Whether text without quotes might be read as something else than text: by
// YAML 1.1 too, which has times, octals, and many words for true and false.
bool NeedsQuotes(const std::string& text) {
  static const std::set<std::string> kWords = {"true", "false", "yes", "no", "on",
                                               "off",  "null",  "y",   "n"};
  return text.empty() || !(absl::ascii_isalpha(text[0]) || text[0] == '/') ||
         kWords.contains(absl::AsciiStrToLower(text));
}

void EmitYaml(YAML::Emitter& yaml, const nlohmann::ordered_json& json) {
  if (json.is_object() && !json.empty()) {
    yaml << YAML::BeginMap;
    for (const auto& [key, value] : json.items()) {
      yaml << YAML::Key << key << YAML::Value;
      EmitYaml(yaml, value);
    }
    yaml << YAML::EndMap;
  } else if (json.is_array() && !json.empty()) {
    yaml << YAML::BeginSeq;
    for (const auto& element : json) EmitYaml(yaml, element);
    yaml << YAML::EndSeq;
  } else if (json.is_structured()) {
    yaml << YAML::Flow;
    json.is_object() ? yaml << YAML::BeginMap << YAML::EndMap
                     : yaml << YAML::BeginSeq << YAML::EndSeq;
  } else if (json.is_string()) {
    const auto text = json.get<std::string>();
    if (NeedsQuotes(text)) yaml << YAML::DoubleQuoted;
    yaml << text;
  } else {
    yaml << json.dump();
  }
}

void PrintJson(Context& context, const nlohmann::ordered_json& json) {
  if (context.format == OutputFormat::kJson) {
    context.out << json.dump(2) << "\n";
    return;
  }
  YAML::Emitter yaml;
  EmitYaml(yaml, json);
  context.out << yaml.c_str() << "\n";
}

}  // namespace

std::string FormatBytes(int64_t bytes) {
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

std::string FormatRate(double value, const std::string& unit) {
  constexpr std::array kPrefixes = {"", "k", "M", "G", "T", "P"};
  size_t prefix = 0;
  // 999.5 and more would be shown as 1000.
  for (; value >= 999.5 && prefix + 1 < kPrefixes.size(); ++prefix) value /= 1000;
  const int decimals = value >= 99.95 || value == 0 ? 0 : value >= 9.995 ? 1 : 2;
  return absl::StrFormat("%.*f %s%s", decimals, value, kPrefixes[prefix], unit);
}

std::string FormatImageRate(double images_per_s) {
  return absl::StrFormat("%.*f images/s", images_per_s >= 100 ? 0 : 1, images_per_s);
}

std::string ShortDuration(absl::Duration duration) {
  const int64_t seconds = absl::ToInt64Seconds(duration);
  if (seconds < 60) return absl::StrCat(seconds, "s");
  if (seconds < 3600) return absl::StrFormat("%dm%02ds", seconds / 60, seconds % 60);
  return absl::StrFormat("%dh%02dm", seconds / 3600, seconds / 60 % 60);
}

std::string FormatPercent(double percent) { return absl::StrFormat("%.2f", percent); }

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

namespace internal {

std::string Word(const google::protobuf::EnumDescriptor* type, int number) {
  const auto* value = type->FindValueByNumber(number);
  if (value == nullptr) return absl::StrCat(number);
  // Every name starts with that of the value 0, less "UNSPECIFIED".
  const size_t prefix = type->FindValueByNumber(0)->name().size() - strlen("UNSPECIFIED");
  return absl::AsciiStrToLower(value->name().substr(prefix));
}

}  // namespace internal

void Table::Print(std::ostream& out) const {
  std::vector<size_t> widths;
  std::vector<bool> numeric;
  for (size_t column = 0; column < header_.size(); ++column) {
    widths.push_back(Width(header_[column]));
    numeric.push_back(!rows_.empty());
    for (const auto& row : rows_) {
      widths[column] = std::max(widths[column], Width(row[column]));
      numeric[column] = numeric[column] && LooksLikeANumber(row[column]);
    }
  }
  const auto print = [&](const std::vector<std::string>& row) {
    std::string line;
    for (size_t column = 0; column < row.size(); ++column) {
      const std::string space(widths[column] - Width(row[column]), ' ');
      absl::StrAppend(&line, column == 0 ? "" : "  ",
                      numeric[column] ? space + row[column] : row[column] + space);
    }
    out << std::string(absl::StripTrailingAsciiWhitespace(line)) << "\n";
  };
  print(header_);
  for (const auto& row : rows_) print(row);
}

bool IsStructured(const Context& context) {
  return context.format == OutputFormat::kJson || context.format == OutputFormat::kYaml;
}

bool PrintMessage(Context& context, const google::protobuf::Message& message) {
  if (!IsStructured(context)) return false;
  PrintJson(context, nlohmann::ordered_json::parse(JsonOf(message)));
  return true;
}

bool PrintMessages(Context& context,
                   const std::vector<const google::protobuf::Message*>& messages) {
  if (!IsStructured(context)) return false;
  auto list = nlohmann::ordered_json::array();
  for (const auto* message : messages)
    list.push_back(nlohmann::ordered_json::parse(JsonOf(*message)));
  PrintJson(context, list);
  return true;
}

bool PrintDocument(Context& context, const std::string& json) {
  if (!IsStructured(context)) return false;
  PrintJson(context, nlohmann::ordered_json::parse(json));
  return true;
}

void PrintTargetTable(Context& context, const std::vector<const v1::TargetResult*>& results) {
  Table table({"TARGET", "FORMAT", "SIZE", "FLOAT TOP-1 %", "TOP-1 %", "OK"});
  for (const v1::TargetResult* result : results) {
    const bool written = result->bytes() > 0;
    table.Add({result->target(), result->format(), written ? FormatBytes(result->bytes()) : "-",
               FormatPercent(result->float_top1()), written ? FormatPercent(result->top1()) : "-",
               result->within_gate() ? "yes" : "NO"});
  }
  table.Print(context.out);
  for (const v1::TargetResult* result : results)
    if (!result->error().empty())
      context.out << result->target() << ": " << result->error() << "\n";
}

}  // namespace octet::client
