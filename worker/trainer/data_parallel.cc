#include "worker/trainer/data_parallel.h"

#include <torch/torch.h>

#include <chrono>
#include <cstring>
#include <torch/csrc/distributed/c10d/comm.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>
#include <utility>

#include "common/status.h"
#include "worker/trainer/torch_errors.h"

namespace octet::trainer {
namespace {

using Group = c10::intrusive_ptr<c10d::ProcessGroup>;
using SteadyTime = std::chrono::steady_clock::time_point;

// Small enough that a model of a few MB still overlaps with its backward pass.
constexpr int64_t kFirstBucketBytes = 1 << 20;
constexpr int64_t kBucketBytes = 4 << 20;

// Sums a bucket over the ranks. Losses are scaled by the global batch, so that
// the sum is the gradient: no pass over the gradients is spent on a division.
class SumHook : public c10d::CommHookInterface {
 public:
  SumHook(Group group, SteadyTime* last_started, std::function<void()> on_last)
      : group_(std::move(group)), last_started_(last_started), on_last_(std::move(on_last)) {}

  c10::intrusive_ptr<c10::ivalue::Future> runHook(c10d::GradBucket& bucket) override {
    std::vector<at::Tensor> tensors = {bucket.getBufferRef()};
    auto future = group_->allreduce(tensors)->getFuture();
    *last_started_ = std::chrono::steady_clock::now();
    if (bucket.isLast()) on_last_();
    return future;
  }

  at::Tensor parseHookResult(const c10::IValue& result) override {
    return c10d::detail::parseCppCommHookResult(result);
  }

 private:
  const Group group_;
  SteadyTime* const last_started_;
  const std::function<void()> on_last_;
};

}  // namespace

class DataParallel::Impl {
 public:
  Impl(std::vector<at::Tensor> parameters, int64_t shared_values, Group group,
       std::function<void()> on_waiting)
      : group_(std::move(group)), parameters_(std::move(parameters)) {
    shared_ = at::zeros({shared_values}, parameters_[0].options()).requires_grad_(true);
    // Last in the list, as it is used last: its gradient is the first there is.
    parameters_.push_back(shared_);
    reducer_ = std::make_unique<c10d::Reducer>(
        parameters_, InitialBuckets(), group_, std::vector<bool>(), kBucketBytes,
        /*find_unused_parameters=*/false, /*gradient_as_bucket_view=*/true,
        std::unordered_map<size_t, std::string>(), kFirstBucketBytes,
        /*skip_all_reduce_unused_params=*/false, /*use_python_reducer=*/false,
        std::vector<int64_t>());
    reducer_->register_comm_hook(
        std::make_unique<SumHook>(group_, &last_started_, std::move(on_waiting)));
    FixBuckets();
  }

  Reduced Backward(const at::Tensor& loss, const at::Tensor& shared) {
    at::_foreach_zero_(gradients_);
    reducer_->prepare_for_backward({});
    (loss + (shared_ * shared).sum()).backward();
    const auto waited = std::chrono::steady_clock::now() - last_started_;
    const at::Tensor sums = shared_.grad().cpu();
    const float* data = sums.const_data_ptr<float>();
    return {{data, data + sums.numel()}, absl::FromChrono(waited)};
  }

  const Group& group() const { return group_; }
  at::Device device() const { return shared_.device(); }

 private:
  std::vector<std::vector<size_t>> InitialBuckets() const {
    std::vector<size_t> all(parameters_.size());
    for (size_t i = 0; i < all.size(); ++i) all[i] = i;
    return {all};
  }

  // The Reducer lays out its buckets anew after its first backward pass, in the
  // order gradients arrived. This stand-in for a loss uses the parameters in
  // their order, so the layout is final, and a function of the model, before
  // training starts: where it changed after the first step, a resumed training
  // would sum in another order than the one it continues.
  void FixBuckets() {
    at::Tensor loss = at::zeros({}, shared_.options());
    for (const at::Tensor& parameter : parameters_) loss = loss + parameter.sum() * 0;
    reducer_->prepare_for_backward({});
    loss.backward();
    reducer_->rebuild_buckets();
    for (const at::Tensor& parameter : parameters_) gradients_.push_back(parameter.grad());
  }

  const Group group_;
  std::vector<at::Tensor> parameters_;
  at::Tensor shared_;
  SteadyTime last_started_;
  std::unique_ptr<c10d::Reducer> reducer_;
  std::vector<at::Tensor> gradients_;  // views of the buckets
};

DataParallel::DataParallel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DataParallel::~DataParallel() = default;

absl::StatusOr<std::unique_ptr<DataParallel>> DataParallel::Create(
    std::vector<at::Tensor> parameters, int64_t shared_values, Group group,
    std::function<void()> on_waiting) {
  std::unique_ptr<Impl> impl;
  RETURN_IF_ERROR(Guard("setting up the gradient all-reduce", [&] {
    impl = std::make_unique<Impl>(std::move(parameters), shared_values, std::move(group),
                                  std::move(on_waiting));
  }));
  return std::unique_ptr<DataParallel>(new DataParallel(std::move(impl)));
}

absl::StatusOr<DataParallel::Reduced> DataParallel::Backward(const at::Tensor& loss,
                                                             const at::Tensor& shared) {
  Reduced reduced;
  RETURN_IF_ERROR(Guard("backward pass and gradient all-reduce",
                        [&] { reduced = impl_->Backward(loss, shared); }));
  return reduced;
}

absl::Status DataParallel::Broadcast(const std::vector<at::Tensor>& tensors) {
  constexpr size_t kPieceBytes = 64 << 20;
  const at::NoGradGuard no_grad;
  return Guard("broadcast from rank 0",
               [&] { c10d::broadcast_coalesced(impl_->group(), tensors, kPieceBytes); });
}

absl::Status DataParallel::Sum(at::Tensor& tensor) {
  return Guard("all-reduce", [&] {
    std::vector<at::Tensor> tensors = {tensor};
    impl_->group()->allreduce(tensors)->wait();
  });
}

absl::Status DataParallel::AverageBuffers(const std::vector<at::Tensor>& buffers) {
  if (buffers.empty()) return absl::OkStatus();
  const at::NoGradGuard no_grad;
  at::Tensor flat = at::cat(buffers);
  RETURN_IF_ERROR(Annotate(Sum(flat), "averaging BatchNormalization's statistics"));
  flat.div_(impl_->group()->getSize());
  int64_t at = 0;
  for (at::Tensor buffer : buffers) {
    buffer.copy_(flat.narrow(0, at, buffer.numel()));
    at += buffer.numel();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> DataParallel::Gather(const std::string& text) {
  // On the parameters' device: NCCL moves nothing else. A sum of zeros and one
  // text is that text, and needs no second kind of collective.
  const auto length = static_cast<int64_t>(text.size());
  const int world_size = impl_->group()->getSize();
  at::Tensor table = at::zeros({world_size, length}, at::kByte);
  std::memcpy(table[impl_->group()->getRank()].data_ptr(), text.data(), text.size());
  table = table.to(impl_->device());
  RETURN_IF_ERROR(Sum(table));
  table = table.cpu();
  std::vector<std::string> texts;
  for (int rank = 0; rank < world_size; ++rank)
    texts.emplace_back(static_cast<const char*>(table[rank].data_ptr()), text.size());
  return texts;
}

}  // namespace octet::trainer
