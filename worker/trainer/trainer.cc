#include "worker/trainer/trainer.h"

#include <ATen/CPUGeneratorImpl.h>
#include <malloc.h>
#include <torch/torch.h>

#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_format.h"
#include "common/clock.h"
#include "common/sha256.h"
#include "common/status.h"
#include "dataset/batch.h"
#include "dataset/dataset.h"
#include "model/onnx_io.h"
#include "worker/failure/position_file.h"
#include "worker/trainer/batch_loader.h"
#include "worker/trainer/checkpoint.h"
#include "worker/trainer/data_parallel.h"
#include "worker/trainer/device_backend.h"
#include "worker/trainer/graph_module.h"
#include "worker/trainer/initial_graph.h"
#include "worker/trainer/optimizer.h"
#include "worker/trainer/progress_meter.h"
#include "worker/trainer/rendezvous.h"
#include "worker/trainer/schedule.h"
#include "worker/trainer/torch_errors.h"

namespace octet::trainer {
namespace {

// Figures that ride on the gradient all-reduce, in this order.
enum SharedValue { kStop, kTotal, kData, kCompute, kCommunication, kLoss, kCorrect, kSharedValues };

struct Evaluation {
  double top1 = 0, loss = 0;
};

dataset::Normalization NormalizationOf(const dataset::Dataset& train) {
  const dataset::ChannelStatistics statistics = dataset::ComputeStatistics(train);
  dataset::Normalization normalization;
  for (size_t c = 0; c < statistics.mean.size(); ++c) {
    normalization.mean.push_back(static_cast<float>(statistics.mean[c]));
    // A channel that is one colour everywhere has nothing to normalize.
    normalization.std.push_back(statistics.std[c] > 0 ? static_cast<float>(statistics.std[c])
                                                      : 1.0f);
  }
  return normalization;
}

std::vector<at::Tensor> TensorsOf(const std::vector<GraphModule::Named>& named) {
  std::vector<at::Tensor> tensors;
  for (const auto& [name, tensor] : named) tensors.push_back(tensor);
  return tensors;
}

class Training {
 public:
  Training(const TrainerOptions& options, RankLink& link, const std::atomic<bool>& stop)
      : options_(options),
        link_(link),
        stop_(stop),
        checkpoints_(options.folder + "/checkpoints", options.checkpoint.keep) {}

  absl::StatusOr<Outcome> Run() {
    RETURN_IF_ERROR(OpenPosition());
    RETURN_IF_ERROR(OpenData());
    RETURN_IF_ERROR(BuildModel());
    RETURN_IF_ERROR(Connect());
    RETURN_IF_ERROR(Restore());
    ASSIGN_OR_RETURN(const Outcome outcome, TrainSteps());
    if (outcome == Outcome::kDone) RETURN_IF_ERROR(Finish());
    return outcome;
  }

 private:
  bool first() const { return options_.rank == 0; }

  absl::Status OpenPosition();
  void Enter(failure::Phase phase) const;
  absl::Status OpenData();
  absl::Status BuildModel();
  absl::Status Connect();
  absl::Status Restore();
  absl::Status Load(const TrainState& state);
  absl::Status ShareState();

  absl::StatusOr<Outcome> TrainSteps();
  absl::Status Step(int64_t step, BatchLoader& loader);
  absl::StatusOr<StepFigures> Compute(int64_t step, const Batch& batch);
  at::Tensor SharedValues(const at::Tensor& loss, const at::Tensor& correct) const;
  absl::Status AfterStep(int64_t step);
  bool LogsAfter(int64_t step) const;
  absl::Status Report(bool evaluated);

  absl::Status AverageBuffers();
  absl::StatusOr<Evaluation> Evaluate();
  void EvaluateImages(int64_t begin, int64_t end, at::Tensor& sums) const;
  at::Tensor Images(const float* data, int64_t count) const;

  absl::Status Save(int64_t steps_done);
  TrainState State(int64_t steps_done) const;
  absl::Status Finish();
  absl::StatusOr<std::string> AgreedHash();

  const TrainerOptions& options_;
  RankLink& link_;
  const std::atomic<bool>& stop_;
  const CheckpointStore checkpoints_;
  const Clock& clock_ = Clock::Real();

  // Set by the steps of Run before TrainSteps, constant then.
  std::unique_ptr<failure::PositionFile> position_;  // null: nobody asks
  std::unique_ptr<dataset::Dataset> train_, test_;
  std::optional<dataset::BatchMaker> train_maker_, test_maker_;
  std::optional<Schedule> schedule_;
  int64_t flops_per_image_ = 0;
  std::unique_ptr<DeviceBackend> backend_;
  std::unique_ptr<GraphModule> module_;
  std::vector<at::Tensor> parameters_, buffers_;
  std::optional<Sgd> sgd_;
  std::unique_ptr<DataParallel> parallel_;

  int64_t first_step_ = 0;
  std::atomic<int64_t> step_ = 0;  // that is under way
  bool stopping_ = false;          // agreed by all ranks
  StepTime last_time_;             // of this rank's newest step
  std::optional<ProgressMeter> meter_;
  Progress progress_;                     // as last reported
  StepFigures figures_;                   // of the newest step
  std::optional<Evaluation> evaluation_;  // of the weights as they are
};

absl::Status Training::OpenPosition() {
  if (options_.position.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(position_, failure::PositionFile::Open(options_.position));
  Enter(failure::Phase::kStart);
  return absl::OkStatus();
}

void Training::Enter(failure::Phase phase) const {
  if (position_) position_->Enter(step_, phase);
}

absl::Status Training::OpenData() {
  ASSIGN_OR_RETURN(train_, dataset::OpenDataset(options_.dataset, dataset::Split::kTrain));
  ASSIGN_OR_RETURN(test_, dataset::OpenDataset(options_.dataset, dataset::Split::kTest));
  if (train_->size() == 0 || test_->size() == 0)
    return absl::InvalidArgumentError(absl::StrCat("dataset ", options_.dataset.name, " in ",
                                                   options_.dataset.path, " has an empty split"));
  schedule_.emplace(options_, train_->size());
  return absl::OkStatus();
}

absl::Status Training::BuildModel() {
  const dataset::Normalization normalization = NormalizationOf(*train_);
  train_maker_.emplace(*train_, normalization);
  test_maker_.emplace(*test_, normalization);
  ASSIGN_OR_RETURN(model::Graph graph, InitialGraph(options_, *train_, normalization));
  ASSIGN_OR_RETURN(flops_per_image_, model::FlopsPerImage(graph));
  ASSIGN_OR_RETURN(backend_, OpenBackend(options_.device));
  ASSIGN_OR_RETURN(module_, GraphModule::Create(std::move(graph), backend_->device()));
  parameters_ = TensorsOf(module_->parameters());
  buffers_ = TensorsOf(module_->buffers());
  if (parameters_.empty())
    return absl::InvalidArgumentError("train.model has no weights that can be trained");
  sgd_.emplace(parameters_, options_.sgd);
  return absl::OkStatus();
}

absl::Status Training::Connect() {
  GroupOptions group{.rank = options_.rank,
                     .world_size = options_.world_size,
                     .single_node = options_.single_node,
                     .timeout = options_.collective_timeout};
  ASSIGN_OR_RETURN(group.store, Rendezvous(options_, link_));
  ASSIGN_OR_RETURN(const auto process_group, backend_->Connect(group));
  ASSIGN_OR_RETURN(parallel_,
                   DataParallel::Create(parameters_, kSharedValues, process_group,
                                        [this] { Enter(failure::Phase::kCommunication); }));
  return absl::OkStatus();
}

absl::Status Training::Load(const TrainState& state) {
  const at::NoGradGuard no_grad;
  const auto set = [&](const std::string& name, at::Tensor tensor) -> absl::Status {
    const auto saved = state.tensors.find(name);
    if (saved == state.tensors.end() || tensor.sizes() != at::IntArrayRef(saved->second.shape))
      return absl::DataLossError(absl::StrCat("the checkpoint of step ", state.step,
                                              " has no tensor ", name, " that fits the model"));
    tensor.copy_(FromModel(saved->second, at::kCPU));
    return absl::OkStatus();
  };
  for (const auto& [name, tensor] : module_->parameters()) RETURN_IF_ERROR(set(name, tensor));
  for (const auto& [name, tensor] : module_->buffers()) RETURN_IF_ERROR(set(name, tensor));
  for (size_t i = 0; i < parameters_.size(); ++i)
    RETURN_IF_ERROR(set(kMomentumPrefix + module_->parameters()[i].name, sgd_->momentum()[i]));
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  at::Tensor random = generator.get_state();
  RETURN_IF_ERROR(set(kRandomState, random));
  generator.set_state(random);
  first_step_ = state.step;
  return absl::OkStatus();
}

// Only rank 0 reads: nodes may not agree on which checkpoint is the newest
// whole one, ranks must.
absl::Status Training::Restore() {
  torch::manual_seed(options_.seed);
  if (first()) {
    if (const auto state = checkpoints_.LoadNewest(options_.fingerprint)) {
      RETURN_IF_ERROR(Load(*state));
      std::printf("resumes from step %lld\n", static_cast<long long>(first_step_));
      RETURN_IF_ERROR(link_.Send(Resumed{first_step_}));
    }
  }
  return ShareState();
}

absl::Status Training::ShareState() {
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const at::Tensor step = at::full({1}, first_step_, at::kLong).to(backend_->device());
  const at::Tensor random = generator.get_state().to(backend_->device());
  std::vector<at::Tensor> all = {step, random};
  for (const auto& group : {parameters_, buffers_, sgd_->momentum()})
    all.insert(all.end(), group.begin(), group.end());
  RETURN_IF_ERROR(parallel_->Broadcast(all));
  first_step_ = step.item<int64_t>();
  generator.set_state(random.cpu());
  return absl::OkStatus();
}

absl::StatusOr<Outcome> Training::TrainSteps() {
  meter_.emplace(clock_, *schedule_, options_.batch_size,
                 static_cast<double>(flops_per_image_ * model::kTrainingFlopsFactor),
                 options_.report_interval);
  BatchLoader loader(*train_, *train_maker_,
                     {.seed = options_.seed,
                      .augment = options_.augment,
                      .batch_size = options_.batch_size,
                      .rank = options_.rank,
                      .world_size = options_.world_size,
                      .first_step = first_step_,
                      .last_step = schedule_->total_steps()});
  for (int64_t step = first_step_; step < schedule_->total_steps(); ++step) {
    RETURN_IF_ERROR(Step(step, loader));
    RETURN_IF_ERROR(AfterStep(step));
    if (stopping_) return Outcome::kStopped;
  }
  return Outcome::kDone;
}

absl::Status Training::Step(int64_t step, BatchLoader& loader) {
  const absl::Duration start = clock_.Steady();
  step_ = step;
  Enter(failure::Phase::kData);
  const Batch& batch = loader.Next();
  Enter(failure::Phase::kCompute);
  const absl::Duration loaded = clock_.Steady();
  evaluation_.reset();
  ASSIGN_OR_RETURN(figures_, Compute(step, batch));
  figures_.time = clock_.Steady() - start;
  last_time_.total = absl::ToDoubleSeconds(figures_.time);
  last_time_.data = absl::ToDoubleSeconds(loaded - start);
  last_time_.compute = last_time_.total - last_time_.data - last_time_.communication;
  figures_.rank_time = last_time_;
  meter_->StepDone(figures_);
  return absl::OkStatus();
}

at::Tensor Training::Images(const float* data, int64_t count) const {
  const dataset::ImageShape shape = train_->shape();
  return at::from_blob(const_cast<float*>(data), {count, shape.height, shape.width, shape.channels},
                       at::kFloat)
      .permute({0, 3, 1, 2})  // channels-last in memory
      .to(backend_->device());
}

at::Tensor Training::SharedValues(const at::Tensor& loss, const at::Tensor& correct) const {
  const at::Tensor host = at::tensor({stop_ ? 1.0 : 0.0, last_time_.total, last_time_.data,
                                      last_time_.compute, last_time_.communication},
                                     at::kFloat);
  return at::cat(
      {host.to(loss.device()), loss.detach().reshape({1}), correct.to(at::kFloat).reshape({1})});
}

absl::StatusOr<StepFigures> Training::Compute(int64_t step, const Batch& batch) {
  const auto count = static_cast<int64_t>(batch.labels.size());
  at::Tensor loss, shared;
  RETURN_IF_ERROR(Guard("forward pass", [&] {
    const at::Tensor labels =
        at::from_blob(const_cast<int64_t*>(batch.labels.data()), {count}, at::kLong)
            .to(backend_->device());
    const at::Tensor logits = module_->Forward(Images(batch.images.data(), count), true);
    loss = at::cross_entropy_loss(logits, labels, {}, at::Reduction::Sum, -100,
                                  options_.label_smoothing) /
           static_cast<double>(options_.batch_size);
    shared = SharedValues(loss, logits.detach().argmax(1).eq(labels).sum());
  }));
  ASSIGN_OR_RETURN(const DataParallel::Reduced reduced, parallel_->Backward(loss, shared));
  Enter(failure::Phase::kCompute);
  last_time_.communication = absl::ToDoubleSeconds(reduced.communication_wait);
  const std::vector<float>& sums = reduced.shared;
  if (!std::isfinite(sums[kLoss]))
    return absl::OutOfRangeError(absl::StrFormat(
        "the loss became %g at step %d of %d: lower train.optimizer.sgd.learning_rate or raise "
        "train.schedule.warmup_epochs",
        sums[kLoss], step + 1, schedule_->total_steps()));
  stopping_ = sums[kStop] > 0;
  StepFigures figures{.step = step, .loss = sums[kLoss]};
  figures.learning_rate = schedule_->LearningRate(step);
  figures.top1 = 100.0 * sums[kCorrect] / static_cast<double>(options_.batch_size);
  const double ranks = options_.world_size;
  figures.mean_time = {sums[kTotal] / ranks, sums[kData] / ranks, sums[kCompute] / ranks,
                       sums[kCommunication] / ranks};
  RETURN_IF_ERROR(Guard("optimizer step", [&] { sgd_->Step(figures.learning_rate); }));
  return figures;
}

absl::Status Training::AfterStep(int64_t step) {
  const bool evaluate = schedule_->EvaluatesAfter(step) && !stopping_;
  const bool save = schedule_->SavesAfter(step) || stopping_;
  if (evaluate || save) RETURN_IF_ERROR(AverageBuffers());
  if (evaluate) {
    ASSIGN_OR_RETURN(evaluation_, Evaluate());
    meter_->Evaluated(evaluation_->top1);
  }
  if (save) RETURN_IF_ERROR(Save(step + 1));
  return Report(evaluate);
}

bool Training::LogsAfter(int64_t step) const {
  if (options_.log_every_steps > 0) return (step + 1) % options_.log_every_steps == 0;
  const auto quarter = [&](int64_t steps) { return std::floor(4 * schedule_->Epoch(steps)); };
  return quarter(step + 1) > quarter(step);
}

absl::Status Training::Report(bool evaluated) {
  const bool print = first() && (evaluated || stopping_ || LogsAfter(figures_.step));
  if (meter_->Due() || print) {
    progress_ = meter_->Report();
    RETURN_IF_ERROR(link_.Send(progress_));
  }
  if (!print) return absl::OkStatus();
  const std::string test = evaluated ? absl::StrFormat(", test top-1 %.2f %%, loss %.4f",
                                                       evaluation_->top1, evaluation_->loss)
                                     : "";
  absl::PrintF("epoch %.2f, step %d of %d: loss %.4f, train top-1 %.1f %%%s, %.0f images/s%s\n",
               progress_.epoch, progress_.step, progress_.total_steps, progress_.loss,
               progress_.train_top1, test, progress_.images_per_s,
               stopping_ ? ", stopped on request" : "");
  std::fflush(stdout);
  return absl::OkStatus();
}

void Training::EvaluateImages(int64_t begin, int64_t end, at::Tensor& sums) const {
  const int64_t elements = test_->shape().Elements();
  std::vector<float> pixels((end - begin) * elements);
  std::vector<int64_t> classes(end - begin);
  for (int64_t i = begin; i < end; ++i) {
    test_maker_->Plain(i, &pixels[(i - begin) * elements]);
    classes[i - begin] = test_->label(i);
  }
  const at::Tensor labels =
      at::from_blob(classes.data(), {end - begin}, at::kLong).to(backend_->device());
  const at::Tensor logits = module_->Forward(Images(pixels.data(), end - begin), false);
  const at::Tensor loss = at::cross_entropy_loss(logits, labels, {}, at::Reduction::Sum);
  sums += at::stack({loss.to(at::kDouble), logits.argmax(1).eq(labels).sum().to(at::kDouble)});
}

absl::Status Training::AverageBuffers() {
  Enter(failure::Phase::kCommunication);
  return parallel_->AverageBuffers(buffers_);
}

// Each rank takes an equal run of the test images.
absl::StatusOr<Evaluation> Training::Evaluate() {
  const int64_t images = test_->size(), ranks = options_.world_size, rank = options_.rank;
  const int64_t end = (rank + 1) * images / ranks;
  const int64_t batch = options_.batch_size / ranks;
  at::Tensor sums = at::zeros({2}, at::TensorOptions(at::kDouble).device(backend_->device()));
  RETURN_IF_ERROR(Guard("evaluation", [&] {
    for (int64_t begin = rank * images / ranks; begin < end; begin += batch) {
      Enter(failure::Phase::kEvaluate);
      EvaluateImages(begin, std::min(begin + batch, end), sums);
    }
  }));
  Enter(failure::Phase::kCommunication);
  RETURN_IF_ERROR(Annotate(parallel_->Sum(sums), "evaluation"));
  const at::Tensor host = sums.cpu() / static_cast<double>(images);
  return Evaluation{.top1 = 100.0 * host[1].item<double>(), .loss = host[0].item<double>()};
}

TrainState Training::State(int64_t steps_done) const {
  TrainState state{.step = steps_done,
                   .position = steps_done * options_.batch_size,
                   .fingerprint = options_.fingerprint};
  for (const auto* group : {&module_->parameters(), &module_->buffers()})
    for (const auto& [name, tensor] : *group) state.tensors[name] = ToModel(tensor);
  for (size_t i = 0; i < parameters_.size(); ++i)
    state.tensors[kMomentumPrefix + module_->parameters()[i].name] = ToModel(sgd_->momentum()[i]);
  state.tensors[kRandomState] = ToModel(at::detail::getDefaultCPUGenerator().get_state());
  return state;
}

absl::Status Training::Save(int64_t steps_done) {
  if (!first()) return absl::OkStatus();
  Enter(failure::Phase::kSave);
  const auto saved = checkpoints_.Save(State(steps_done));
  if (!saved.ok()) {
    LogError(absl::StrCat("no checkpoint at step ", steps_done,
                          ", an older one stays the newest: ", saved.status().message()));
    return absl::OkStatus();
  }
  return link_.Send(FileReady{saved->path, "checkpoints/" + saved->name, steps_done});
}

absl::StatusOr<std::string> Training::AgreedHash() {
  Sha256 sha;
  for (const auto* group : {&module_->parameters(), &module_->buffers()}) {
    for (const auto& [name, tensor] : *group) {
      const model::Tensor values = ToModel(tensor);
      sha.Update(name);
      sha.Update({reinterpret_cast<const char*>(values.data.data()), values.data.size()});
    }
  }
  const std::string mine = sha.HexDigest();
  Enter(failure::Phase::kCommunication);
  ASSIGN_OR_RETURN(const auto hashes, parallel_->Gather(mine));
  for (size_t rank = 0; rank < hashes.size(); ++rank)
    if (hashes[rank] != hashes[0])
      return absl::InternalError(absl::StrCat("rank ", rank, " ended with other weights (",
                                              hashes[rank], ") than rank 0 (", hashes[0], ")"));
  return mine;
}

absl::Status Training::Finish() {
  if (!evaluation_) {  // resumed from a checkpoint of the last step
    ASSIGN_OR_RETURN(evaluation_, Evaluate());
  }
  ASSIGN_OR_RETURN(const std::string hash, AgreedHash());
  if (!first()) return absl::OkStatus();
  Enter(failure::Phase::kSave);
  const std::string path = options_.folder + "/model.onnx";
  const model::Graph graph = module_->ToGraph();
  RETURN_IF_ERROR(Annotate(model::SaveOnnx(graph, path), "the trained model"));
  RETURN_IF_ERROR(link_.Send(FileReady{path, "model.onnx"}));
  Result result{.top1 = evaluation_->top1, .loss = evaluation_->loss};
  result.steps = schedule_->total_steps();
  result.test_images = test_->size();
  result.images_per_s = meter_->ImagesPerSecond();
  result.flops_per_image = flops_per_image_;
  result.flops_per_s =
      result.images_per_s * static_cast<double>(flops_per_image_ * model::kTrainingFlopsFactor);
  result.parameters = model::ParameterCount(graph);
  result.weights_sha256 = hash;
  result.world_size = options_.world_size;
  absl::PrintF("done: test top-1 %.2f %%, loss %.4f, %.0f images/s, %.3g FLOPS, weights %s\n",
               result.top1, result.loss, result.images_per_s, result.flops_per_s,
               hash.substr(0, 12));
  return link_.Send(result);
}

}  // namespace

absl::StatusOr<Outcome> Train(const TrainerOptions& options, RankLink& link,
                              const std::atomic<bool>& stop) {
  RETURN_IF_ERROR(Validate(options));
  at::set_num_threads(options.threads_per_rank);
  at::globalContext().setFlushDenormal(true);
  return Training(options, link, stop).Run();
}

void KeepMemory() {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);
}

}  // namespace octet::trainer
