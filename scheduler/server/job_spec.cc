#include "scheduler/server/job_spec.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "common/text.h"
#include "dataset/dataset.h"
#include "model/onnx_io.h"
#include "model/zoo.h"

namespace octet::scheduler {
namespace {

constexpr char kFashionMnist[] = "fashion-mnist";
constexpr int64_t kMostImages = int64_t{1} << 20;
constexpr int kMostNameLength = 63;
constexpr int kMostArrayJobs = 10000;

// ---- Defaults.

void FillDataset(v1::DatasetSpec& dataset) {
  if (dataset.name() == kFashionMnist) {
    if (dataset.format().empty()) dataset.set_format("idx");
    if (dataset.path().empty()) dataset.set_path("/usr/share/datasets/fashion-mnist");
  }
  if (dataset.name().empty() && !dataset.path().empty())
    dataset.set_name(std::filesystem::path(dataset.path()).lexically_normal().filename().string());
}

void FillModel(v1::ModelSpec& model) {
  // An ONNX file brings its own; ValidateJobSpec refuses these beside it.
  if (!model.onnx().empty()) return;
  if (!model.has_width_multiplier()) model.set_width_multiplier(1.0);
  if (!model.has_batch_norm()) model.set_batch_norm(true);
}

void FillGang(v1::GangSpec& gang, const std::string& default_resource) {
  if (!gang.has_slots()) gang.set_slots(1);
  if (gang.resource().empty()) gang.set_resource(default_resource);
}

void FillTrain(v1::TrainSpec& train, const std::string& default_resource) {
  FillModel(*train.mutable_model());
  FillDataset(*train.mutable_dataset());
  FillGang(*train.mutable_gang(), default_resource);
  if (!train.has_batch_size()) train.set_batch_size(256);
  if (!train.has_epochs()) train.set_epochs(10);
  v1::SgdSpec& sgd = *train.mutable_optimizer()->mutable_sgd();
  if (!sgd.has_learning_rate()) sgd.set_learning_rate(0.1);
  if (!sgd.has_momentum()) sgd.set_momentum(0.9);
  if (!sgd.has_weight_decay()) sgd.set_weight_decay(5e-4);
  if (!sgd.has_nesterov()) sgd.set_nesterov(sgd.momentum() > 0);
  v1::ScheduleSpec& schedule = *train.mutable_schedule();
  if (!schedule.has_warmup_epochs()) schedule.set_warmup_epochs(0.05 * train.epochs());
  if (!schedule.has_final_factor()) schedule.set_final_factor(0);
  v1::AugmentSpec& augment = *train.mutable_augment();
  if (!augment.has_horizontal_flip()) augment.set_horizontal_flip(false);
  if (!augment.has_crop_padding()) augment.set_crop_padding(0);
  v1::CheckpointSpec& checkpoint = *train.mutable_checkpoint();
  if (!checkpoint.has_every_steps()) checkpoint.set_every_steps(0);
  if (!checkpoint.has_keep()) checkpoint.set_keep(2);
  if (!train.has_seed()) train.set_seed(1);
  if (!train.has_threads_per_rank() && train.gang().resource() == "cpu")
    train.set_threads_per_rank(1);
  if (!train.has_evaluate_every_epochs()) train.set_evaluate_every_epochs(1);
  if (!train.has_label_smoothing()) train.set_label_smoothing(0);
}

void FillExport(v1::JobSpec& spec) {
  v1::ExportSpec& exports = *spec.mutable_export_();
  if (!exports.has_dataset() && spec.has_train())
    *exports.mutable_dataset() = spec.train().dataset();
  FillDataset(*exports.mutable_dataset());
  if (!exports.has_max_accuracy_drop()) exports.set_max_accuracy_drop(1.0);
  if (!exports.has_calibration_images()) exports.set_calibration_images(512);
}

std::string KindOf(const v1::JobSpec& spec) {
  return spec.has_command() ? "command" : spec.has_train() ? "train" : "export";
}

// ---- Rules.

template <typename... Parts>
absl::Status Wrong(absl::string_view field, const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", parts...));
}

// Ranges. Written so that NaN is outside of each.
enum class Low { kIncluded, kExcluded };
enum class High { kIncluded, kExcluded };

template <typename T>
absl::Status InRange(absl::string_view field, T value, T low, T high, Low low_end = Low::kIncluded,
                     High high_end = High::kIncluded) {
  const bool above = low_end == Low::kIncluded ? value >= low : value > low;
  const bool below = high_end == High::kIncluded ? value <= high : value < high;
  if (above && below) return absl::OkStatus();
  return Wrong(field, value, " is not in ", low_end == Low::kIncluded ? "[" : "(", low, ", ", high,
               high_end == High::kIncluded ? "]" : ")");
}

absl::Status CheckName(const std::string& name) {
  if (name.empty()) return Wrong("name", "is missing; give the job a name for listings");
  const bool characters = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
  });
  if (!characters || name.size() > kMostNameLength)
    return Wrong("name", "\"", name,
                 "\" is not a name; use letters, digits, '-', '_' and '.', at most ",
                 kMostNameLength);
  return absl::OkStatus();
}

absl::Status CheckPath(const std::string& field, const std::string& path,
                       const JobSpecRules& rules) {
  if (rules.relative_paths || path.front() == '/') return absl::OkStatus();
  return Wrong(field, "\"", path, "\" is not an absolute path; nodes share no working folder");
}

/// The dataset's sizes where this process can see its files.
absl::StatusOr<std::optional<dataset::DatasetSummary>> CheckDataset(const std::string& field,
                                                                    const v1::DatasetSpec& spec,
                                                                    const JobSpecRules& rules) {
  if (spec.path().empty()) {
    if (spec.name().empty())
      return Wrong(field, "is missing; name one (fashion-mnist), or give format and path");
    return Wrong(absl::StrCat(field, ".path"), "is missing, and \"", spec.name(),
                 "\" is not a dataset that brings its own",
                 DidYouMean(spec.name(), {kFashionMnist}));
  }
  if (spec.format() != "idx")
    return Wrong(absl::StrCat(field, ".format"), "there is no format \"", spec.format(), "\"",
                 DidYouMean(spec.format(), {"idx"}));
  RETURN_IF_ERROR(CheckPath(absl::StrCat(field, ".path"), spec.path(), rules));
  if (!rules.shared_filesystem) return std::nullopt;
  auto summary = dataset::ProbeDataset({spec.name(), spec.format(), spec.path()});
  if (!summary.ok()) return Wrong(absl::StrCat(field, ".path"), summary.status().message());
  return *summary;
}

std::string Describe(const dataset::ImageShape& shape) {
  return absl::StrCat(shape.height, "x", shape.width, "x", shape.channels);
}

/// images: of the dataset that the model is to see; nullopt: not known here.
absl::Status CheckOnnx(const std::string& field, const std::string& path,
                       const std::optional<dataset::DatasetSummary>& images,
                       const JobSpecRules& rules) {
  RETURN_IF_ERROR(CheckPath(field, path, rules));
  if (!rules.shared_filesystem) return absl::OkStatus();
  auto graph = model::LoadOnnx(path);
  if (!graph.ok()) return Wrong(field, graph.status().message());
  const model::Shape& input = graph->input.shape;
  if (!images || input.size() != 4) return absl::OkStatus();
  const dataset::ImageShape wanted{.height = input[2], .width = input[3], .channels = input[1]};
  if (images->shape == wanted) return absl::OkStatus();
  return Wrong(field, path, " takes images of ", Describe(wanted), ", the dataset has ",
               Describe(images->shape));
}

absl::Status CheckZooModel(const v1::ModelSpec& spec,
                           const std::optional<dataset::DatasetSummary>& images) {
  std::vector<std::string> names;
  const model::ZooModel* found = nullptr;
  for (const model::ZooModel& model : model::ZooModels()) {
    names.push_back(model.name);
    if (model.name == spec.name()) found = &model;
  }
  if (found == nullptr)
    return Wrong("train.model.name", "there is no model \"", spec.name(), "\"",
                 DidYouMean(spec.name(), names));
  RETURN_IF_ERROR(
      InRange("train.model.width_multiplier", spec.width_multiplier(), 0.0, 16.0, Low::kExcluded));
  if (images && std::min(images->shape.height, images->shape.width) < found->min_size)
    return Wrong("train.model.name", spec.name(), " needs images of at least ", found->min_size,
                 "x", found->min_size, ", the dataset has ", Describe(images->shape));
  return absl::OkStatus();
}

absl::Status CheckModel(const v1::ModelSpec& spec,
                        const std::optional<dataset::DatasetSummary>& images,
                        const JobSpecRules& rules) {
  if (spec.name().empty() == spec.onnx().empty())
    return Wrong("train.model", "give either name, a model of the zoo, or onnx, a file");
  if (spec.onnx().empty()) return CheckZooModel(spec, images);
  if (spec.has_width_multiplier() || spec.has_batch_norm())
    return Wrong(
        spec.has_width_multiplier() ? "train.model.width_multiplier" : "train.model.batch_norm",
        "belongs to models of the zoo; an ONNX file is taken as it is");
  return CheckOnnx("train.model.onnx", spec.onnx(), images, rules);
}

// field: of the gang, such as "train.gang".
absl::Status CheckGang(const std::string& field, const v1::GangSpec& gang,
                       const std::vector<std::string>& resources) {
  RETURN_IF_ERROR(InRange(field + ".slots", gang.slots(), 1, 1 << 16));
  if (gang.has_nodes()) {
    RETURN_IF_ERROR(InRange(field + ".nodes", gang.nodes(), 1, gang.slots()));
    if (gang.slots() % gang.nodes() != 0)
      return Wrong(field + ".slots", gang.slots(), " is not a multiple of ", field, ".nodes (",
                   gang.nodes(), "): every node gives the same number of slots");
  }
  if (gang.has_min_slots()) {
    RETURN_IF_ERROR(InRange(field + ".min_slots", gang.min_slots(), 1, gang.slots()));
    if (gang.has_nodes())
      return Wrong(field + ".nodes",
                   "does not go with min_slots: an elastic gang takes the nodes "
                   "it finds; leave one out");
  }
  if (!gang.resource().empty() &&
      std::find(resources.begin(), resources.end(), gang.resource()) == resources.end())
    return Wrong(field + ".resource", "there is no resource \"", gang.resource(), "\"",
                 DidYouMean(gang.resource(), resources));
  return absl::OkStatus();
}

absl::Status CheckTrainGang(const v1::TrainSpec& train) {
  const v1::GangSpec& gang = train.gang();
  RETURN_IF_ERROR(CheckGang("train.gang", gang, {"gpu", "cpu"}));
  RETURN_IF_ERROR(InRange<int64_t>("train.batch_size", train.batch_size(), 1, kMostImages));
  if (train.batch_size() % gang.slots() != 0)
    return Wrong("train.batch_size", train.batch_size(), " is not a multiple of train.gang.slots (",
                 gang.slots(), "): every rank takes the same number of images");
  return absl::OkStatus();
}

absl::Status CheckTrainNumbers(const v1::TrainSpec& train) {
  constexpr int32_t kAny = std::numeric_limits<int32_t>::max();
  const v1::SgdSpec& sgd = train.optimizer().sgd();
  RETURN_IF_ERROR(InRange("train.epochs", train.epochs(), 0.0, 1e6, Low::kExcluded));
  RETURN_IF_ERROR(
      InRange("train.optimizer.sgd.learning_rate", sgd.learning_rate(), 0.0, 1e3, Low::kExcluded));
  RETURN_IF_ERROR(InRange("train.optimizer.sgd.momentum", sgd.momentum(), 0.0, 1.0, Low::kIncluded,
                          High::kExcluded));
  RETURN_IF_ERROR(InRange("train.optimizer.sgd.weight_decay", sgd.weight_decay(), 0.0, 1e3));
  if (sgd.nesterov() && sgd.momentum() == 0)
    return Wrong("train.optimizer.sgd.nesterov", "needs a momentum greater than 0");
  RETURN_IF_ERROR(InRange("train.schedule.warmup_epochs", train.schedule().warmup_epochs(), 0.0,
                          train.epochs(), Low::kIncluded, High::kExcluded));
  RETURN_IF_ERROR(
      InRange("train.schedule.final_factor", train.schedule().final_factor(), 0.0, 1.0));
  RETURN_IF_ERROR(InRange("train.augment.crop_padding", train.augment().crop_padding(), 0, 1024));
  RETURN_IF_ERROR(
      InRange("train.checkpoint.every_steps", train.checkpoint().every_steps(), 0, kAny));
  RETURN_IF_ERROR(InRange("train.checkpoint.keep", train.checkpoint().keep(), 2, kAny));
  if (train.has_threads_per_rank())
    RETURN_IF_ERROR(InRange("train.threads_per_rank", train.threads_per_rank(), 1, 1024));
  RETURN_IF_ERROR(InRange("train.evaluate_every_epochs", train.evaluate_every_epochs(), 0, kAny));
  RETURN_IF_ERROR(InRange("train.log_every_steps", train.log_every_steps(), 0, kAny));
  return InRange("train.label_smoothing", train.label_smoothing(), 0.0, 1.0, Low::kIncluded,
                 High::kExcluded);
}

absl::Status CheckTrain(const v1::TrainSpec& train, const JobSpecRules& rules) {
  RETURN_IF_ERROR(CheckTrainGang(train));
  RETURN_IF_ERROR(CheckTrainNumbers(train));
  ASSIGN_OR_RETURN(const auto images, CheckDataset("train.dataset", train.dataset(), rules));
  if (images && train.batch_size() > images->train_images)
    return Wrong("train.batch_size", train.batch_size(), " is more than the dataset's ",
                 images->train_images, " training images");
  return CheckModel(train.model(), images, rules);
}

absl::Status CheckTargets(const v1::ExportSpec& exports, const JobSpecRules& rules) {
  if (exports.targets().empty())
    return Wrong("export.targets", "is empty", DidYouMean("", rules.targets));
  std::set<std::string> seen;
  for (int i = 0; i < exports.targets_size(); ++i) {
    const std::string& target = exports.targets(i);
    const std::string field = absl::StrCat("export.targets[", i, "]");
    if (std::find(rules.targets.begin(), rules.targets.end(), target) == rules.targets.end())
      return Wrong(field, "there is no target \"", target, "\"", DidYouMean(target, rules.targets));
    if (!seen.insert(target).second) return Wrong(field, "\"", target, "\" is named twice");
  }
  return absl::OkStatus();
}

absl::Status CheckExport(const v1::JobSpec& spec, const JobSpecRules& rules) {
  const v1::ExportSpec& exports = spec.export_();
  RETURN_IF_ERROR(CheckTargets(exports, rules));
  RETURN_IF_ERROR(InRange("export.max_accuracy_drop", exports.max_accuracy_drop(), 0.0, 100.0));
  RETURN_IF_ERROR(
      InRange<int64_t>("export.calibration_images", exports.calibration_images(), 1, kMostImages));
  ASSIGN_OR_RETURN(const auto images, CheckDataset("export.dataset", exports.dataset(), rules));
  if (spec.has_train()) {
    if (!exports.model().empty())
      return Wrong("export.model",
                   "does not go with a train stage, whose model is exported; leave one out");
    return absl::OkStatus();
  }
  if (exports.model().empty())
    return Wrong("export.model", "is missing; give a trained ONNX file, or a train stage");
  return CheckOnnx("export.model", exports.model(), images, rules);
}

absl::Status CheckCommand(const v1::CommandSpec& command) {
  if (command.argv().empty() || command.argv(0).empty())
    return Wrong("command.argv", "is missing; give the program and its arguments");
  RETURN_IF_ERROR(CheckGang("command.gang", command.gang(), {"gpu", "tpu", "cpu"}));
  if (!command.working_dir().empty() && command.working_dir().front() != '/')
    return Wrong("command.working_dir", "\"", command.working_dir(),
                 "\" is not an absolute path; nodes share no working folder");
  for (const auto& [name, value] : command.env()) {
    if (name.empty() || name.find('=') != std::string::npos)
      return Wrong("command.env", "\"", name, "\" cannot be a variable's name");
    if (absl::StartsWith(name, "OCTET_"))
      return Wrong("command.env", name,
                   " is Octet's own: names that begin with OCTET_ are set by it");
  }
  return absl::OkStatus();
}

// What the job is, and what belongs together.
absl::Status CheckKind(const v1::JobSpec& spec) {
  const bool stages = spec.has_train() || spec.has_export_();
  if (spec.has_command() && stages)
    return Wrong("command",
                 "does not go with train or export; make two jobs, one `after` the other");
  if (!spec.has_command() && !stages)
    return absl::InvalidArgumentError(
        "the job does nothing: give it a train stage, an export stage, or both, or a command");
  const std::string kind = KindOf(spec);
  if (spec.kind() == kind) return absl::OkStatus();
  return Wrong("kind", "\"", spec.kind(), "\", but the job is of kind ", kind,
               ", by what it has; leave kind out or mend it");
}

absl::Status CheckScheduling(const v1::JobSpec& spec) {
  RETURN_IF_ERROR(InRange("priority", spec.priority(), -1000, 1000));
  RETURN_IF_ERROR(Annotate(ParseTimeLimit(spec.time_limit()).status(), "time_limit"));
  for (int i = 0; i < spec.after_size(); ++i) {
    const std::string field = absl::StrCat("after[", i, "]");
    RETURN_IF_ERROR(
        Annotate(ParseCondition(spec.after(i).condition()).status(), field + ".condition"));
    if (spec.after(i).job_id().empty()) return Wrong(field + ".job_id", "is missing");
  }
  if (!spec.has_array()) return absl::OkStatus();
  RETURN_IF_ERROR(InRange("array.size", spec.array().size(), 1, kMostArrayJobs));
  if (!spec.array().has_max_running()) return absl::OkStatus();
  return InRange("array.max_running", spec.array().max_running(), 1, kMostArrayJobs);
}

}  // namespace

absl::StatusOr<absl::Duration> ParseTimeLimit(const std::string& text) {
  if (text.empty()) return absl::InfiniteDuration();
  absl::Duration limit;
  if (absl::ParseDuration(text, &limit) && limit > absl::ZeroDuration()) return limit;
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is not a time; write one such as 90m or 2h30m"));
}

absl::StatusOr<Dependency::Condition> ParseCondition(const std::string& text) {
  if (text.empty() || text == "succeeded") return Dependency::Condition::kSucceeded;
  if (text == "failed") return Dependency::Condition::kFailed;
  if (text == "ended") return Dependency::Condition::kEnded;
  return absl::InvalidArgumentError(absl::StrCat(
      "there is no condition \"", text, "\"", DidYouMean(text, {"succeeded", "failed", "ended"})));
}

void FillDefaults(v1::JobSpec& spec, const std::string& default_resource) {
  if (!spec.has_max_restarts()) spec.set_max_restarts(3);
  if (spec.has_train()) FillTrain(*spec.mutable_train(), default_resource);
  if (spec.has_export_()) FillExport(spec);
  if (spec.has_command()) FillGang(*spec.mutable_command()->mutable_gang(), default_resource);
  if (spec.kind().empty()) spec.set_kind(KindOf(spec));
  if (spec.team().empty()) spec.set_team(kDefaultTeam);
  if (!spec.has_priority()) spec.set_priority(0);
  for (v1::DependencySpec& each : *spec.mutable_after())
    if (each.condition().empty()) each.set_condition("succeeded");
}

absl::Status ValidateJobSpec(const v1::JobSpec& spec, const JobSpecRules& rules) {
  RETURN_IF_ERROR(CheckName(spec.name()));
  RETURN_IF_ERROR(CheckKind(spec));
  RETURN_IF_ERROR(InRange("max_restarts", spec.max_restarts(), 0, 1000));
  RETURN_IF_ERROR(CheckScheduling(spec));
  if (spec.has_command()) return CheckCommand(spec.command());
  if (spec.has_train()) RETURN_IF_ERROR(CheckTrain(spec.train(), rules));
  if (spec.has_export_()) RETURN_IF_ERROR(CheckExport(spec, rules));
  return absl::OkStatus();
}

}  // namespace octet::scheduler
