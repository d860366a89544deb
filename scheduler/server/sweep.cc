#include "scheduler/server/sweep.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/random.h"
#include "common/status.h"
#include "common/text.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/util/json_util.h"
#include "nlohmann/json.hpp"

namespace octet::scheduler {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr int64_t kMostTrials = 10'000;
constexpr int kMostRungs = 32;

template <typename... Words>
absl::Status Wrong(const std::string& field, const Words&... words) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", words...));
}

// A parameter, with what its field is.
struct Axis {
  std::string name;  // of the parameter in the job file, for errors
  const v1::SweepParameter* parameter = nullptr;
  bool whole_numbers = false;

  bool has_range() const { return parameter->has_min() || parameter->has_max(); }
};

std::vector<std::string> FieldNames(const Descriptor& message) {
  std::vector<std::string> names;
  for (int i = 0; i < message.field_count(); ++i) names.push_back(message.field(i)->name());
  return names;
}

// The field of a job file at `path`; a map's entry is its value.
absl::StatusOr<const FieldDescriptor*> FieldAt(const std::string& name, const std::string& path) {
  const Descriptor* message = v1::JobSpec::descriptor();
  const FieldDescriptor* field = nullptr;
  for (const absl::string_view part : absl::StrSplit(path, '.')) {
    if (message == nullptr)
      return Wrong(name, path, ": ", field->name(), " has no fields of its own");
    const std::string word(part);
    const bool entry = message->options().map_entry();
    field = entry ? message->map_value() : message->FindFieldByName(word);
    if (field == nullptr)
      return Wrong(name, "there is no field ", path, DidYouMean(word, FieldNames(*message)));
    message = field->message_type();
  }
  if (message != nullptr || field->is_repeated())
    return Wrong(name, path, " is no single value; name a field of it");
  return field;
}

absl::StatusOr<Axis> CheckParameter(const std::string& name, const v1::SweepParameter& parameter) {
  const std::string& path = parameter.field();
  if (path.empty()) return Wrong(name + ".field", "is missing; give the path of a field");
  ASSIGN_OR_RETURN(const FieldDescriptor* field, FieldAt(name + ".field", path));
  const bool trains = absl::StartsWith(path, "train.") && !absl::StartsWith(path, "train.gang.");
  if (!trains && !absl::StartsWith(path, "command.env."))
    return Wrong(name + ".field", path,
                 " is the same for all trials: search over fields of train, but its gang, or over "
                 "command.env");
  const Axis axis{.name = name,
                  .parameter = &parameter,
                  .whole_numbers = field->cpp_type() != FieldDescriptor::CPPTYPE_DOUBLE &&
                                   field->cpp_type() != FieldDescriptor::CPPTYPE_STRING};
  if (parameter.values().empty() == !axis.has_range())
    return Wrong(name, "give either values, or min and max");
  if (!axis.has_range()) return axis;
  if (!parameter.has_min() || !parameter.has_max() || !(parameter.min() <= parameter.max()))
    return Wrong(name, "a range needs min and max, and min may not be more than max");
  const std::string& scale = parameter.scale();
  if (!scale.empty() && scale != "linear" && scale != "log")
    return Wrong(name + ".scale", "\"", scale, "\" is neither linear nor log");
  if (scale == "log" && parameter.min() <= 0)
    return Wrong(name + ".min", parameter.min(), ": a log scale begins above 0");
  return axis;
}

absl::StatusOr<std::vector<Axis>> CheckSweep(const v1::JobSpec& spec) {
  const v1::SweepSpec& sweep = spec.sweep();
  if (spec.has_array()) return Wrong("array", "does not go with sweep, which makes one of its own");
  if (sweep.parameters().empty())
    return Wrong("sweep.parameters", "is empty; give at least one field with its values");
  std::vector<Axis> axes;
  for (int i = 0; i < sweep.parameters_size(); ++i) {
    const std::string name = absl::StrCat("sweep.parameters[", i, "]");
    ASSIGN_OR_RETURN(axes.emplace_back(), CheckParameter(name, sweep.parameters(i)));
  }
  if (sweep.has_max_running() && sweep.max_running() < 1)
    return Wrong("sweep.max_running", sweep.max_running(), " is less than 1");
  if (!sweep.has_asha()) return axes;
  if (!spec.has_train() ||
      (spec.train().has_evaluate_every_epochs() && spec.train().evaluate_every_epochs() < 1))
    return Wrong("sweep.asha", "needs a train stage that evaluates every so many epochs");
  if (sweep.asha().has_min_epochs() && !(sweep.asha().min_epochs() > 0))
    return Wrong("sweep.asha.min_epochs", sweep.asha().min_epochs(), " is not more than 0");
  if (sweep.asha().has_reduction() && sweep.asha().reduction() < 2)
    return Wrong("sweep.asha.reduction", sweep.asha().reduction(), " is less than 2");
  return axes;
}

absl::StatusOr<bool> IsGrid(const v1::SweepSpec& sweep, const std::vector<Axis>& axes) {
  const auto range =
      std::find_if(axes.begin(), axes.end(), [](const Axis& axis) { return axis.has_range(); });
  if (sweep.method().empty()) return range == axes.end() && sweep.trials() == 0;
  if (sweep.method() == "random") return false;
  if (sweep.method() != "grid")
    return Wrong("sweep.method", "\"", sweep.method(), "\" is neither grid nor random");
  if (range != axes.end())
    return Wrong(range->name, "a grid needs values, and this is a range; use method: random");
  if (sweep.trials() != 0)
    return Wrong("sweep.trials", "is for random; a grid has a trial for every combination");
  return true;
}

absl::StatusOr<int64_t> CountTrials(const v1::SweepSpec& sweep, const std::vector<Axis>& axes,
                                    bool grid) {
  int64_t trials = grid ? 1 : sweep.trials();
  if (grid)
    for (const Axis& axis : axes)
      trials = std::min(trials * axis.parameter->values_size(), kMostTrials + 1);
  if (trials >= 1 && trials <= kMostTrials) return trials;
  return Wrong("sweep.trials", grid ? absl::StrCat("more than ", kMostTrials, " combinations")
                                    : absl::StrCat(trials, " is not from 1 to ", kMostTrials));
}

std::string Draw(const Axis& axis, Random& random) {
  const v1::SweepParameter& parameter = *axis.parameter;
  const double part = random.Uniform();
  if (!axis.has_range()) {
    const auto count = static_cast<double>(parameter.values_size());
    return parameter.values(static_cast<int>(part * count));
  }
  const double low = parameter.min(), high = parameter.max();
  const double value =
      parameter.scale() == "log" ? low * std::pow(high / low, part) : low + part * (high - low);
  if (axis.whole_numbers) return absl::StrCat(std::llround(value));
  return absl::StrFormat("%.6g", value);
}

// The last parameter changes fastest.
std::vector<std::string> GridPoint(const std::vector<Axis>& axes, int64_t trial) {
  std::vector<std::string> values(axes.size());
  for (size_t i = axes.size(); i-- > 0;) {
    const auto& choices = axes[i].parameter->values();
    values[i] = choices[static_cast<int>(trial % choices.size())];
    trial /= choices.size();
  }
  return values;
}

std::vector<std::string> RandomPoint(const std::vector<Axis>& axes, uint64_t seed, int64_t trial) {
  Random random(RandomKey({seed, static_cast<uint64_t>(trial)}));
  std::vector<std::string> values;
  for (const Axis& axis : axes) values.push_back(Draw(axis, random));
  return values;
}

absl::Status Set(const Axis& axis, const std::string& value, v1::JobSpec& trial) {
  const std::string& path = axis.parameter->field();
  // Values are strings for protobuf's JSON reader, which takes them for any type.
  nlohmann::json nested;
  nested[nlohmann::json::json_pointer("/" + absl::StrJoin(absl::StrSplit(path, '.'), "/"))] = value;
  v1::JobSpec change;
  const auto read = google::protobuf::util::JsonStringToMessage(nested.dump(), &change);
  if (!read.ok()) return Wrong(axis.name, "\"", value, "\" cannot be the value of ", path);
  trial.MergeFrom(change);
  (*trial.mutable_labels())[path] = value;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<v1::JobSpec>> TrialsOf(const v1::JobSpec& submitted) {
  std::vector<v1::JobSpec> trials;
  if (!submitted.has_sweep()) return trials;
  const v1::SweepSpec& sweep = submitted.sweep();
  ASSIGN_OR_RETURN(const std::vector<Axis> axes, CheckSweep(submitted));
  ASSIGN_OR_RETURN(const bool grid, IsGrid(sweep, axes));
  ASSIGN_OR_RETURN(const int64_t count, CountTrials(sweep, axes, grid));
  const uint64_t seed = sweep.has_seed() ? sweep.seed() : 1;
  for (int64_t i = 0; i < count; ++i) {
    v1::JobSpec& trial = trials.emplace_back(submitted);
    trial.mutable_array()->set_size(static_cast<int>(count));
    if (sweep.has_max_running()) trial.mutable_array()->set_max_running(sweep.max_running());
    const auto point = grid ? GridPoint(axes, i) : RandomPoint(axes, seed, i);
    for (size_t axis = 0; axis < axes.size(); ++axis)
      RETURN_IF_ERROR(Set(axes[axis], point[axis], trial));
  }
  return trials;
}

EarlyStop EarlyStopOf(const v1::JobSpec& trial) {
  EarlyStop stop;
  if (!trial.sweep().has_asha()) return stop;
  const v1::AshaSpec& asha = trial.sweep().asha();
  if (asha.has_reduction()) stop.reduction = asha.reduction();
  double rung = asha.has_min_epochs() ? asha.min_epochs() : 1;
  for (; rung < trial.train().epochs() && stop.rungs.size() < kMostRungs; rung *= stop.reduction)
    stop.rungs.push_back(rung);
  return stop;
}

}  // namespace octet::scheduler
