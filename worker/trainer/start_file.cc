#include "worker/trainer/start_file.h"

#include "common/files.h"
#include "common/sha256.h"
#include "common/status.h"
#include "google/protobuf/util/json_util.h"
#include "octet/v1/agents.pb.h"
#include "octet/v1/jobs.pb.h"

namespace octet::trainer {
namespace {

constexpr double kDefaultWarmupPart = 0.05;

// Everything that the trained weights depend on; how the work is spread, saved
// and watched may change between attempts.
std::string Fingerprint(v1::TrainSpec spec) {
  spec.clear_gang();
  spec.clear_checkpoint();
  spec.clear_threads_per_rank();
  spec.clear_evaluate_every_epochs();
  spec.clear_log_every_steps();
  return Sha256Hex(spec.SerializeAsString());
}

void FillModel(const v1::ModelSpec& spec, ModelOptions& model) {
  model.name = spec.name();
  model.onnx = spec.onnx();
  if (spec.has_width_multiplier()) model.width_multiplier = spec.width_multiplier();
  if (spec.has_batch_norm()) model.batch_norm = spec.batch_norm();
}

void FillOptimizer(const v1::TrainSpec& spec, TrainerOptions& options) {
  const v1::SgdSpec& sgd = spec.optimizer().sgd();
  if (sgd.has_learning_rate()) options.sgd.learning_rate = sgd.learning_rate();
  if (sgd.has_momentum()) options.sgd.momentum = sgd.momentum();
  if (sgd.has_weight_decay()) options.sgd.weight_decay = sgd.weight_decay();
  if (sgd.has_nesterov()) options.sgd.nesterov = sgd.nesterov();
  options.schedule.warmup_epochs = spec.schedule().has_warmup_epochs()
                                       ? spec.schedule().warmup_epochs()
                                       : kDefaultWarmupPart * options.epochs;
  options.schedule.final_factor = spec.schedule().final_factor();
}

TrainerOptions FromSpec(const v1::TrainSpec& spec) {
  TrainerOptions options;
  FillModel(spec.model(), options.model);
  options.dataset = {spec.dataset().name(), spec.dataset().format(), spec.dataset().path()};
  if (spec.has_batch_size()) options.batch_size = spec.batch_size();
  if (spec.has_epochs()) options.epochs = spec.epochs();
  FillOptimizer(spec, options);
  if (spec.has_seed()) options.seed = spec.seed();
  options.augment = {spec.augment().horizontal_flip(), spec.augment().crop_padding(), options.seed};
  options.checkpoint.every_steps = spec.checkpoint().every_steps();
  if (spec.checkpoint().has_keep()) options.checkpoint.keep = spec.checkpoint().keep();
  if (spec.has_threads_per_rank()) options.threads_per_rank = spec.threads_per_rank();
  if (spec.has_evaluate_every_epochs())
    options.evaluate_every_epochs = spec.evaluate_every_epochs();
  options.label_smoothing = spec.label_smoothing();
  options.log_every_steps = spec.log_every_steps();
  options.fingerprint = Fingerprint(spec);
  return options;
}

absl::Status ReadJson(const std::string& path, google::protobuf::Message& message) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  const auto parsed = google::protobuf::util::JsonStringToMessage(text, &message);
  if (parsed.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(path, " is not a ", message.GetTypeName(), ": ", parsed.ToString()));
}

}  // namespace

absl::StatusOr<StartFile> ReadStartFile(const std::string& path) {
  v1::StartAttempt start;
  RETURN_IF_ERROR(ReadJson(path, start));
  if (start.stage() != "train" || !start.spec().has_train())
    return absl::InvalidArgumentError(absl::StrCat(path, " does not start a train stage"));
  StartFile file{FromSpec(start.spec().train()), start.ref().attempt()};
  file.options.job = start.ref().job_id();
  file.options.world_size = start.world_size();
  file.options.single_node = start.single_node();
  return file;
}

absl::StatusOr<StartFile> ReadJobFile(const std::string& path, int world_size) {
  v1::JobSpec spec;
  RETURN_IF_ERROR(ReadJson(path, spec));
  if (!spec.has_train())
    return absl::InvalidArgumentError(absl::StrCat(path, " has no train stage"));
  StartFile file{FromSpec(spec.train())};
  if (!spec.name().empty()) file.options.job = spec.name();
  file.options.world_size = world_size;
  return file;
}

}  // namespace octet::trainer
