#include "worker/trainer/trainer_options.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace octet::trainer {
namespace {

absl::Status Require(bool holds, absl::string_view field, double value, absl::string_view limit) {
  if (holds) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("train.", field, " is ", value, ", must be ", limit));
}

}  // namespace

absl::Status Validate(const TrainerOptions& o) {
  const absl::Status checks[] = {
      Require(o.world_size > 0, "gang.slots", o.world_size, "at least 1"),
      Require(o.rank >= 0 && o.rank < o.world_size, "rank", o.rank, "less than train.gang.slots"),
      Require(o.batch_size > 0 && o.batch_size % std::max(o.world_size, 1) == 0, "batch_size",
              o.batch_size, absl::StrCat("a positive multiple of the ", o.world_size, " slots")),
      Require(std::isfinite(o.epochs) && o.epochs > 0, "epochs", o.epochs, "greater than 0"),
      Require(std::isfinite(o.sgd.learning_rate) && o.sgd.learning_rate > 0,
              "optimizer.sgd.learning_rate", o.sgd.learning_rate, "greater than 0"),
      Require(o.sgd.momentum >= 0 && o.sgd.momentum < 1, "optimizer.sgd.momentum", o.sgd.momentum,
              "in [0, 1)"),
      Require(o.sgd.weight_decay >= 0, "optimizer.sgd.weight_decay", o.sgd.weight_decay,
              "at least 0"),
      Require(o.schedule.warmup_epochs >= 0 && o.schedule.warmup_epochs < o.epochs,
              "schedule.warmup_epochs", o.schedule.warmup_epochs,
              "at least 0 and less than epochs"),
      Require(o.schedule.final_factor >= 0 && o.schedule.final_factor <= 1, "schedule.final_factor",
              o.schedule.final_factor, "in [0, 1]"),
      Require(o.checkpoint.every_steps >= 0, "checkpoint.every_steps", o.checkpoint.every_steps,
              "at least 0"),
      Require(o.checkpoint.keep >= 1, "checkpoint.keep", o.checkpoint.keep, "at least 1"),
      Require(o.threads_per_rank >= 1, "threads_per_rank", o.threads_per_rank, "at least 1"),
      Require(o.evaluate_every_epochs >= 0, "evaluate_every_epochs", o.evaluate_every_epochs,
              "at least 0"),
      Require(o.log_every_steps >= 0, "log_every_steps", o.log_every_steps, "at least 0"),
      Require(o.label_smoothing >= 0 && o.label_smoothing < 1, "label_smoothing", o.label_smoothing,
              "in [0, 1)"),
  };
  for (const absl::Status& check : checks)
    if (!check.ok()) return check;
  if (o.model.name.empty() == o.model.onnx.empty())
    return absl::InvalidArgumentError("train.model: set exactly one of name and onnx");
  return absl::OkStatus();
}

}  // namespace octet::trainer
