#include "worker/trainer/progress_meter.h"

#include <algorithm>
#include <utility>

namespace octet::trainer {
namespace {

void Add(const StepTime& time, StepTime& sums) {
  sums.total += time.total;
  sums.data += time.data;
  sums.compute += time.compute;
  sums.communication += time.communication;
}

StepTime Mean(const StepTime& sums, int64_t count) {
  const auto steps = static_cast<double>(std::max<int64_t>(count, 1));
  return {sums.total / steps, sums.data / steps, sums.compute / steps, sums.communication / steps};
}

}  // namespace

ProgressMeter::ProgressMeter(const Clock& clock, const Schedule& schedule, int64_t batch_size,
                             double flops_per_image, absl::Duration interval)
    : clock_(clock),
      schedule_(schedule),
      batch_size_(batch_size),
      flops_per_image_(flops_per_image),
      interval_(interval),
      started_(clock.Steady()),
      reported_(started_) {}

void ProgressMeter::StepDone(const StepFigures& figures) {
  newest_ = figures;
  for (Span* span : {&recent_, &all_}) {
    span->steps += 1;
    span->time += figures.time;
    Add(figures.rank_time, span->rank_sums);
    if (figures.mean_time.total <= 0) continue;  // the first step has none before it
    span->timed_steps += 1;
    Add(figures.mean_time, span->sums);
  }
}

Progress ProgressMeter::Report() {
  const Span span = std::exchange(recent_, Span());
  reported_ = clock_.Steady();
  Progress progress;
  progress.step = newest_.step + 1;
  progress.total_steps = schedule_.total_steps();
  progress.epoch = schedule_.Epoch(progress.step);
  progress.loss = newest_.loss;
  progress.train_top1 = newest_.top1;
  progress.top1 = top1_;
  if (span.time > absl::ZeroDuration())
    progress.images_per_s =
        static_cast<double>(span.steps * batch_size_) / absl::ToDoubleSeconds(span.time);
  progress.flops_per_s = progress.images_per_s * flops_per_image_;
  progress.learning_rate = newest_.learning_rate;
  progress.step_time = Mean(span.sums, span.timed_steps);
  progress.rank_step_time = Mean(span.rank_sums, span.steps);
  // Steps of an earlier attempt took none of this one's time.
  if (all_.steps > 0)
    progress.remaining = (reported_ - started_) / all_.steps *
                         static_cast<double>(progress.total_steps - progress.step);
  return progress;
}

double ProgressMeter::ImagesPerSecond() const {
  if (all_.time <= absl::ZeroDuration()) return 0;
  return static_cast<double>(all_.steps * batch_size_) / absl::ToDoubleSeconds(all_.time);
}

}  // namespace octet::trainer
