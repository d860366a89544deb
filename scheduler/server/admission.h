// Back-pressure: what the scheduler takes on at once.
#ifndef OCTET_SCHEDULER_SERVER_ADMISSION_H_
#define OCTET_SCHEDULER_SERVER_ADMISSION_H_

#include <atomic>
#include <memory>

#include "absl/status/statusor.h"
#include "grpcpp/server_context.h"

namespace octet::scheduler {

/// Bounds the calls that change a job and are under way, so that those admitted
/// are answered in time, however many come. Counts calls, not bytes: a call is
/// at most as large as gRPC lets it be. Thread-safe; outlives its tickets.
/// Agents' streams need none: they are as many as nodes.
class Admission {
 public:
  /// Trailing metadata of a refusal: milliseconds until it makes sense to call
  /// again. gRPC's own name (gRFC A6), which clients with a retry policy heed.
  static constexpr char kDelayKey[] = "grpc-retry-pushback-ms";

  explicit Admission(int most) : most_(most) {}

  /// A place among the calls that are under way; given back by destruction.
  class Ticket {
   public:
    explicit Ticket(Admission& admission) : admission_(&admission) {}
    Ticket(Ticket&&) = default;
    Ticket& operator=(Ticket&&) = default;

   private:
    struct Leave {
      void operator()(Admission* admission) const { --admission->under_way_; }
    };
    std::unique_ptr<Admission, Leave> admission_;
  };

  /// RESOURCE_EXHAUSTED: full; the call's context then tells the delay.
  absl::StatusOr<Ticket> Enter(grpc::ServerContextBase& context);

 private:
  const int most_;
  std::atomic<int> under_way_ = 0;
  std::atomic<unsigned> refused_ = 0;
};

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_ADMISSION_H_
