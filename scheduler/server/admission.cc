#include "scheduler/server/admission.h"

#include "absl/strings/str_cat.h"

namespace octet::scheduler {
namespace {

// Long enough that those who wait cost little, and not the same for all, or
// they would all be back at once.
constexpr unsigned kLeastDelayMs = 100, kMoreDelayMs = 200;

}  // namespace

absl::StatusOr<Admission::Ticket> Admission::Enter(grpc::ServerContextBase& context) {
  if (++under_way_ <= most_) return Ticket(*this);
  --under_way_;
  constexpr unsigned kStride = 73;  // No divisor of the range: neighbours lie apart.
  const unsigned delay = kLeastDelayMs + kStride * refused_++ % kMoreDelayMs;
  context.AddTrailingMetadata(kDelayKey, absl::StrCat(delay));
  return absl::ResourceExhaustedError(absl::StrCat(
      "the scheduler has ", most_,
      " changes under way, as many as it takes at once; call again in ", delay, " ms"));
}

}  // namespace octet::scheduler
