// The YAML tree is walked along the message's descriptor, where every mistake
// still has its line. What counts as a value is what protobuf's JSON form takes.
#include "common/yaml_message.h"

#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "common/text.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/util/time_util.h"
#include "yaml-cpp/yaml.h"

namespace octet {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

bool IsTime(const Descriptor* type) {
  return type == google::protobuf::Duration::descriptor() ||
         type == google::protobuf::Timestamp::descriptor();
}

const FieldDescriptor* FindField(const Descriptor* message, const std::string& name) {
  if (const FieldDescriptor* field = message->FindFieldByName(name)) return field;
  for (int i = 0; i < message->field_count(); ++i) {
    if (message->field(i)->json_name() == name) return message->field(i);
  }
  return nullptr;
}

std::string Join(const std::string& path, const std::string& name) {
  return path.empty() ? name : absl::StrCat(path, ".", name);
}

// Where a value goes: a field, or a new element of a repeated one.
class Slot {
 public:
  Slot(Message& owner, const FieldDescriptor* field) : owner_(owner), field_(field) {}
  const FieldDescriptor* field() const { return field_; }

  void Set(int32_t value) { Put(&Reflection::SetInt32, &Reflection::AddInt32, value); }
  void Set(int64_t value) { Put(&Reflection::SetInt64, &Reflection::AddInt64, value); }
  void Set(uint32_t value) { Put(&Reflection::SetUInt32, &Reflection::AddUInt32, value); }
  void Set(uint64_t value) { Put(&Reflection::SetUInt64, &Reflection::AddUInt64, value); }
  void Set(float value) { Put(&Reflection::SetFloat, &Reflection::AddFloat, value); }
  void Set(double value) { Put(&Reflection::SetDouble, &Reflection::AddDouble, value); }
  void Set(bool value) { Put(&Reflection::SetBool, &Reflection::AddBool, value); }
  void Set(const std::string& value) { Put(&Reflection::SetString, &Reflection::AddString, value); }
  void Set(const EnumValueDescriptor* value) {
    Put(&Reflection::SetEnum, &Reflection::AddEnum, value);
  }
  Message& Submessage() {
    const Reflection& reflection = *owner_.GetReflection();
    return field_->is_repeated() ? *reflection.AddMessage(&owner_, field_)
                                 : *reflection.MutableMessage(&owner_, field_);
  }

 private:
  template <typename Setter, typename Value>
  void Put(Setter set, Setter add, const Value& value) {
    const Reflection& reflection = *owner_.GetReflection();
    (reflection.*(field_->is_repeated() ? add : set))(&owner_, field_, value);
  }

  Message& owner_;
  const FieldDescriptor* const field_;
};

/// Never deeper than the message's type is, so a YAML alias to a node around
/// itself does no harm.
class Converter {
 public:
  explicit Converter(const std::string& file) : file_(file) {}

  absl::Status Error(const YAML::Mark& mark, absl::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat(file_, ":", mark.line + 1, ":", mark.column + 1, ": ", what));
  }

  absl::Status Fill(const YAML::Node& node, const std::string& path, Message& message) const {
    if (!node.IsMap()) {
      return Error(node.Mark(), absl::StrCat(path.empty() ? "the file" : path,
                                             " must have fields, as `name: value`"));
    }
    std::set<const FieldDescriptor*> seen;
    for (const auto& entry : node) {
      ASSIGN_OR_RETURN(const FieldDescriptor* field,
                       Field(entry.first, message.GetDescriptor(), path));
      const std::string name = Join(path, field->name());
      if (!seen.insert(field).second)
        return Error(entry.first.Mark(), absl::StrCat(name, " is given twice"));
      if (entry.second.IsNull()) continue;  // As JSON's null: not set.
      RETURN_IF_ERROR(CheckOneof(entry.first, field, name, message));
      RETURN_IF_ERROR(Value(entry.second, name, field, message));
    }
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<const FieldDescriptor*> Field(const YAML::Node& key, const Descriptor* type,
                                               const std::string& path) const {
    if (!key.IsScalar()) return Error(key.Mark(), "a field's name must be a word");
    if (const FieldDescriptor* field = FindField(type, key.Scalar())) return field;
    std::vector<std::string> names;
    for (int i = 0; i < type->field_count(); ++i) names.push_back(type->field(i)->name());
    return Error(key.Mark(),
                 absl::StrCat(path.empty() ? "there is" : absl::StrCat(path, " has"),
                              " no field \"", key.Scalar(), "\"", DidYouMean(key.Scalar(), names)));
  }

  absl::Status CheckOneof(const YAML::Node& key, const FieldDescriptor* field,
                          const std::string& name, const Message& message) const {
    const auto* oneof = field->real_containing_oneof();
    if (oneof == nullptr || !message.GetReflection()->HasOneof(message, oneof))
      return absl::OkStatus();
    const FieldDescriptor* other = message.GetReflection()->GetOneofFieldDescriptor(message, oneof);
    return Error(key.Mark(), absl::StrCat(name, " is given beside ", other->name(),
                                          ", and only one of them can be; remove one"));
  }

  absl::Status Value(const YAML::Node& node, const std::string& path, const FieldDescriptor* field,
                     Message& message) const {
    if (field->is_map()) return Map(node, path, field, message);
    if (!field->is_repeated()) return Single(node, path, Slot(message, field));
    if (!node.IsSequence())
      return Error(node.Mark(), absl::StrCat(path, " must be a list, as `[a, b]`"));
    for (size_t i = 0; i < node.size(); ++i) {
      const std::string element = absl::StrCat(path, "[", i, "]");
      if (node[i].IsNull()) return Error(node[i].Mark(), absl::StrCat(element, " is empty"));
      RETURN_IF_ERROR(Single(node[i], element, Slot(message, field)));
    }
    return absl::OkStatus();
  }

  absl::Status Map(const YAML::Node& node, const std::string& path, const FieldDescriptor* field,
                   Message& message) const {
    if (!node.IsMap())
      return Error(node.Mark(), absl::StrCat(path, " must have entries, as `name: value`"));
    std::set<std::string> seen;
    for (const auto& each : node) {
      const YAML::Node &key = each.first, &value = each.second;
      Message& entry = Slot(message, field).Submessage();
      const Descriptor* type = entry.GetDescriptor();
      RETURN_IF_ERROR(Single(key, path, Slot(entry, type->map_key())));
      const std::string name = Join(path, key.Scalar());
      if (!seen.insert(key.Scalar()).second)
        return Error(key.Mark(), absl::StrCat(name, " is given twice"));
      if (value.IsNull()) return Error(key.Mark(), absl::StrCat(name, " has no value"));
      RETURN_IF_ERROR(Single(value, name, Slot(entry, type->map_value())));
    }
    return absl::OkStatus();
  }

  absl::Status Single(const YAML::Node& node, const std::string& path, Slot slot) const {
    const Descriptor* type = slot.field()->message_type();
    if (type != nullptr && !IsTime(type)) return Fill(node, path, slot.Submessage());
    if (!node.IsScalar()) {
      return Error(node.Mark(), absl::StrCat(path, " must be a single value, not ",
                                             node.IsMap() ? "fields" : "a list"));
    }
    return Scalar(node, path, slot);
  }

  absl::Status Scalar(const YAML::Node& node, const std::string& path, Slot slot) const {
    switch (slot.field()->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return Integer<int32_t>(node, path, slot);
      case FieldDescriptor::CPPTYPE_INT64:
        return Integer<int64_t>(node, path, slot);
      case FieldDescriptor::CPPTYPE_UINT32:
        return Integer<uint32_t>(node, path, slot);
      case FieldDescriptor::CPPTYPE_UINT64:
        return Integer<uint64_t>(node, path, slot);
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return Real<double>(node, path, slot);
      case FieldDescriptor::CPPTYPE_FLOAT:
        return Real<float>(node, path, slot);
      case FieldDescriptor::CPPTYPE_BOOL:
        return Bool(node, path, slot);
      case FieldDescriptor::CPPTYPE_ENUM:
        return Enum(node, path, slot);
      case FieldDescriptor::CPPTYPE_STRING:
        return Text(node, path, slot);
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Time(node, path, slot);
    }
    return Error(node.Mark(), absl::StrCat(path, " cannot be given in a file"));
  }

  absl::Status Mistyped(const YAML::Node& node, const std::string& path,
                        absl::string_view what) const {
    return Error(node.Mark(), absl::StrCat(path, ": \"", node.Scalar(), "\" is ", what));
  }

  template <typename T>
  absl::Status Integer(const YAML::Node& node, const std::string& path, Slot slot) const {
    T value;
    if (absl::SimpleAtoi(node.Scalar(), &value)) return Put(slot, value);
    double real;
    if (!absl::SimpleAtod(node.Scalar(), &real) || std::isnan(real))
      return Mistyped(node, path, "not a number");
    if (real != std::trunc(real)) return Mistyped(node, path, "not a whole number");
    constexpr T kLeast = std::numeric_limits<T>::min(), kMost = std::numeric_limits<T>::max();
    // Such as 1e6, as far as a double holds every whole number.
    if (real >= static_cast<double>(kLeast) && real <= static_cast<double>(kMost) &&
        std::abs(real) <= 0x1p53) {
      return Put(slot, static_cast<T>(real));
    }
    return Mistyped(node, path,
                    absl::StrCat("out of range; it must be from ", kLeast, " to ", kMost));
  }

  template <typename T>
  absl::Status Real(const YAML::Node& node, const std::string& path, Slot slot) const {
    double value;
    if (!absl::SimpleAtod(node.Scalar(), &value)) return Mistyped(node, path, "not a number");
    const bool infinite = absl::StrContains(absl::AsciiStrToLower(node.Scalar()), "inf");
    if (std::abs(value) > std::numeric_limits<T>::max() && !infinite)
      return Mistyped(node, path, "out of range");
    return Put(slot, static_cast<T>(value));
  }

  absl::Status Bool(const YAML::Node& node, const std::string& path, Slot slot) const {
    if (absl::EqualsIgnoreCase(node.Scalar(), "true")) return Put(slot, true);
    if (absl::EqualsIgnoreCase(node.Scalar(), "false")) return Put(slot, false);
    return Mistyped(node, path, "not true or false");
  }

  absl::Status Enum(const YAML::Node& node, const std::string& path, Slot slot) const {
    const EnumDescriptor* type = slot.field()->enum_type();
    if (const EnumValueDescriptor* value = type->FindValueByName(node.Scalar()))
      return Put(slot, value);
    std::vector<std::string> names;
    for (int i = 0; i < type->value_count(); ++i) names.push_back(type->value(i)->name());
    return Mistyped(node, path,
                    absl::StrCat("not one of its values", DidYouMean(node.Scalar(), names)));
  }

  absl::Status Text(const YAML::Node& node, const std::string& path, Slot slot) const {
    if (!IsUtf8(node.Scalar()))
      return Error(node.Mark(),
                   absl::StrCat(path, " is not UTF-8; save the file in that encoding"));
    return Put(slot, node.Scalar());
  }

  absl::Status Time(const YAML::Node& node, const std::string& path, Slot slot) const {
    using google::protobuf::util::TimeUtil;
    google::protobuf::Duration duration;
    google::protobuf::Timestamp timestamp;
    if (slot.field()->message_type() == duration.GetDescriptor()) {
      if (!TimeUtil::FromString(node.Scalar(), &duration))
        return Mistyped(node, path, "not a duration in seconds, such as 1.5s");
      slot.Submessage().CopyFrom(duration);
      return absl::OkStatus();
    }
    if (!TimeUtil::FromString(node.Scalar(), &timestamp))
      return Mistyped(node, path, "not a time, such as 2026-01-31T12:00:00Z");
    slot.Submessage().CopyFrom(timestamp);
    return absl::OkStatus();
  }

  template <typename T>
  static absl::Status Put(Slot slot, const T& value) {
    slot.Set(value);
    return absl::OkStatus();
  }

  const std::string& file_;
};

// The one document of the text. yaml-cpp reports errors by exceptions only.
absl::StatusOr<YAML::Node> Load(std::string_view text, const Converter& converter) {
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    if (documents.empty() || documents[0].IsNull())
      return converter.Error(YAML::Mark(), "the file is empty");
    if (documents.size() > 1)
      return converter.Error(documents[1].Mark(), "a second document; remove the `---` before it");
    return documents[0];
  } catch (const YAML::Exception& error) {
    return converter.Error(error.mark, absl::StrCat("not YAML: ", error.msg));
  }
}

}  // namespace

absl::Status ParseYamlMessage(std::string_view text, const std::string& file, Message* message) {
  message->Clear();
  const Converter converter(file);
  ASSIGN_OR_RETURN(const YAML::Node root, Load(text, converter));
  return converter.Fill(root, "", *message);
}

}  // namespace octet
