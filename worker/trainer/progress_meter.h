// How fast a training goes, from the figures of its steps.
#ifndef OCTET_WORKER_TRAINER_PROGRESS_METER_H_
#define OCTET_WORKER_TRAINER_PROGRESS_METER_H_

#include <cstdint>

#include "absl/time/time.h"
#include "common/clock.h"
#include "worker/trainer/rank_link.h"
#include "worker/trainer/schedule.h"

namespace octet::trainer {

/// One step's figures, alike on all ranks except `time` and `rank_time`, which
/// are this rank's.
struct StepFigures {
  int64_t step = 0;  // counts from 0
  double loss = 0, top1 = 0;
  double learning_rate = 0;
  absl::Duration time;  // of the whole step
  StepTime mean_time;   // of the step before, averaged over ranks
  StepTime rank_time;   // of this step, of this rank
};

/// Not thread-safe. Evaluations and checkpoints do not count as training time,
/// except in Progress::remaining.
class ProgressMeter {
 public:
  /// clock and schedule must outlive it. flops_per_image: of training.
  ProgressMeter(const Clock& clock, const Schedule& schedule, int64_t batch_size,
                double flops_per_image, absl::Duration interval);

  void StepDone(const StepFigures& figures);
  void Evaluated(double top1) { top1_ = top1; }

  /// The interval has passed since the last report, or since the start.
  bool Due() const { return clock_.Steady() - reported_ >= interval_; }
  /// Over the steps since the last Report; starts the next interval.
  Progress Report();

  /// Over all steps.
  double ImagesPerSecond() const;

 private:
  struct Span {
    int64_t steps = 0, timed_steps = 0;
    absl::Duration time = absl::ZeroDuration();
    StepTime sums, rank_sums;
  };

  const Clock& clock_;
  const Schedule& schedule_;
  const int64_t batch_size_;
  const double flops_per_image_;
  const absl::Duration interval_;
  const absl::Duration started_;
  absl::Duration reported_;
  StepFigures newest_;
  Span recent_, all_;
  double top1_ = 0;
};

}  // namespace octet::trainer

#endif  // OCTET_WORKER_TRAINER_PROGRESS_METER_H_
