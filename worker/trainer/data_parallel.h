// Ranks that train one model together.
//
// Every rank computes gradients on its part of the batch; they are summed over
// the ranks in buckets, while the backward pass is still at work on earlier
// layers. The buckets' layout is a function of the model alone and every rank
// gets the same bytes of each sum, so that weights stay bit-identical over the
// ranks, and a resumed training equals one that was never interrupted.
//
// BatchNormalization normalizes by the statistics of each rank's part of the
// batch, as PyTorch's DistributedDataParallel does by default. So the running
// statistics differ between ranks. The rule that brings them together: before
// every evaluation, before every checkpoint and at the end, each running mean
// and variance becomes the mean over the ranks (AverageBuffers), and training
// goes on from that.
#ifndef OCTET_WORKER_TRAINER_DATA_PARALLEL_H_
#define OCTET_WORKER_TRAINER_DATA_PARALLEL_H_

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "worker/trainer/device_backend.h"

namespace octet::trainer {

/// Every method is a collective: each rank must call it, in the same order.
/// One thread. Errors: ABORTED, a peer is gone or silent; nothing but leaving
/// helps after it.
class DataParallel {
 public:
  /// parameters: in the order the forward pass uses them, alike on all ranks,
  /// at least one. shared_values: how many figures ride along, see Backward.
  /// on_waiting: called in each backward pass when this rank's part of it is
  /// done and only the other ranks' is waited for, from any thread.
  static absl::StatusOr<std::unique_ptr<DataParallel>> Create(
      std::vector<at::Tensor> parameters, int64_t shared_values,
      c10::intrusive_ptr<c10d::ProcessGroup> group, std::function<void()> on_waiting = [] {});
  ~DataParallel();

  struct Reduced {
    std::vector<float> shared;          // summed over ranks
    absl::Duration communication_wait;  // this rank's, after its backward pass was done
  };
  /// Sets every parameter's gradient to that of the ranks' summed losses.
  /// loss: scalar. shared: [shared_values] floats on the parameters' device,
  /// which ride on the first bucket: figures that all ranks see alike cost no
  /// collective of their own.
  absl::StatusOr<Reduced> Backward(const at::Tensor& loss, const at::Tensor& shared);

  /// Makes tensors those of rank 0.
  absl::Status Broadcast(const std::vector<at::Tensor>& tensors);
  /// Sums a tensor over the ranks, in place.
  absl::Status Sum(at::Tensor& tensor);
  /// Makes each tensor the mean over the ranks.
  absl::Status AverageBuffers(const std::vector<at::Tensor>& buffers);
  /// texts: of equal length on all ranks. Result: by rank.
  absl::StatusOr<std::vector<std::string>> Gather(const std::string& text);

 private:
  class Impl;
  explicit DataParallel(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace octet::trainer

#endif  // OCTET_WORKER_TRAINER_DATA_PARALLEL_H_
