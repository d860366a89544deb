// What one rank of a training job is to do: the job file's train stage and the
// rank's place in the gang, in plain C++ so that neither protobuf nor LibTorch
// reaches the other's files.
#ifndef OCTET_WORKER_TRAINER_TRAINER_OPTIONS_H_
#define OCTET_WORKER_TRAINER_TRAINER_OPTIONS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "dataset/batch.h"
#include "dataset/dataset.h"

namespace octet::trainer {

struct ModelOptions {
  std::string name;  // of the zoo; empty when `onnx` is set
  double width_multiplier = 1.0;
  bool batch_norm = true;
  std::string onnx;  // a file whose weights are the start
};

struct SgdOptions {
  double learning_rate = 0.1;  // the schedule's peak
  double momentum = 0.9;
  double weight_decay = 5e-4;  // of weights; biases and BatchNormalization have none
  bool nesterov = true;
};

struct ScheduleOptions {
  double warmup_epochs = 0.0;
  double final_factor = 0.0;  // last learning rate / peak
};

struct CheckpointOptions {
  int64_t every_steps = 0;  // 0: once an epoch
  int keep = 2;             // newest that are kept
};

/// Defaults are those of the job file where it has them.
struct TrainerOptions {
  // The job.
  std::string job = "local";
  ModelOptions model;
  dataset::DatasetOptions dataset;
  int64_t batch_size = 256;  // over all ranks
  double epochs = 10.0;
  SgdOptions sgd;
  ScheduleOptions schedule;
  dataset::AugmentOptions augment;
  CheckpointOptions checkpoint;
  uint64_t seed = 1;
  int threads_per_rank = 1;
  int64_t evaluate_every_epochs = 1;  // 0: only at the end
  double label_smoothing = 0.0;
  int64_t log_every_steps = 0;  // 0: four lines an epoch
  /// Hex hash of every field that the trained weights depend on, world size
  /// excepted: a checkpoint of another fingerprint is not resumed.
  std::string fingerprint;

  // This rank.
  int rank = 0;
  int world_size = 1;
  bool single_node = true;     // every rank is on this machine: talk over loopback
  std::string device = "cpu";  // or "cuda:N"
  std::string folder = ".";    // the job's working folder on this node
  std::string position;        // where to keep failure::PositionFile; empty: nowhere
  absl::Duration report_interval = absl::Seconds(1);
  /// Of one collective. Generous: ranks wait here while rank 0 writes files, and
  /// the agent finds the one that hangs in less.
  absl::Duration collective_timeout = absl::Minutes(5);
};

/// INVALID_ARGUMENT names the job file's field, its value and the limit.
absl::Status Validate(const TrainerOptions& options);

}  // namespace octet::trainer

#endif  // OCTET_WORKER_TRAINER_TRAINER_OPTIONS_H_
