// Tells ThreadSanitizer that what is prepared before an operation of gRPC's is seen
// by what its end calls. gRPC hands that on by atomics, and as packaged it is not
// instrumented: all that a call's handlers touch would look like a race. Programs
// define these functions themselves, and the library's callers find them first.
#include <grpc/grpc.h>
#include <grpcpp/support/callback_common.h>
#include <grpcpp/support/server_callback.h>
#include <sanitizer/tsan_interface.h>

#include "tests/sanitizers/real.h"

namespace {

using octet::sanitizers::Real;

// A server's call is made by the thread that met it on the wire, and handled by
// one that waits for a queue.
char calls_made;

grpc_event Ended(const grpc_event& event) {
  if (event.type != GRPC_OP_COMPLETE) return event;
  __tsan_acquire(event.tag);
  __tsan_acquire(&calls_made);
  return event;
}

// The private member that an explicit instantiation may name.
template <typename Tag, void (Tag::*run)(bool)>
struct Runner {
  friend void Run(Tag* tag, bool ok) { (tag->*run)(ok); }
};
using grpc::internal::CallbackWithStatusTag;
using grpc::internal::CallbackWithSuccessTag;
void Run(CallbackWithStatusTag* tag, bool ok);
void Run(CallbackWithSuccessTag* tag, bool ok);
template struct Runner<CallbackWithStatusTag, &CallbackWithStatusTag::Run>;
template struct Runner<CallbackWithSuccessTag, &CallbackWithSuccessTag::Run>;

template <typename Tag>
void RunEnded(grpc_completion_queue_functor* functor, int ok) {
  __tsan_acquire(functor);
  Run(static_cast<Tag*>(functor), ok != 0);
}

}  // namespace

extern "C" {

grpc_call_error grpc_call_start_batch(grpc_call* call, const grpc_op* operations, size_t count,
                                      void* tag, void* reserved) {
  static const auto real = Real<decltype(grpc_call_start_batch)>(__func__);
  __tsan_release(tag);
  return real(call, operations, count, tag, reserved);
}

grpc_event grpc_completion_queue_next(grpc_completion_queue* queue, gpr_timespec deadline,
                                      void* reserved) {
  static const auto real = Real<decltype(grpc_completion_queue_next)>(__func__);
  return Ended(real(queue, deadline, reserved));
}

grpc_event grpc_completion_queue_pluck(grpc_completion_queue* queue, void* tag,
                                       gpr_timespec deadline, void* reserved) {
  static const auto real = Real<decltype(grpc_completion_queue_pluck)>(__func__);
  return Ended(real(queue, tag, deadline, reserved));
}

// The last thing that the making of a server's call does.
void grpc_metadata_array_init(grpc_metadata_array* array) {
  static const auto real = Real<decltype(grpc_metadata_array_init)>(__func__);
  real(array);
  __tsan_release(&calls_made);
}

// The functions that core calls when an operation of a callback ends. In gRPC's
// headers they are inline, so these are the ones that the linker takes.
void StatusEnded(grpc_completion_queue_functor* functor, int ok) __asm__(
    "_ZN4grpc8internal21CallbackWithStatusTag9StaticRunEP29grpc_completion_queue_functori");
void StatusEnded(grpc_completion_queue_functor* functor, int ok) {
  RunEnded<CallbackWithStatusTag>(functor, ok);
}
void SuccessEnded(grpc_completion_queue_functor* functor, int ok) __asm__(
    "_ZN4grpc8internal22CallbackWithSuccessTag9StaticRunEP29grpc_completion_queue_functori");
void SuccessEnded(grpc_completion_queue_functor* functor, int ok) {
  RunEnded<CallbackWithSuccessTag>(functor, ok);
}

}  // extern "C"

namespace grpc::internal {

// Who counted a call's users down before did it in our code, the last in gRPC's.
void ServerCallbackCall::ScheduleOnDone(bool inline_ondone) {
  static const auto real = Real<void(ServerCallbackCall*, bool)>(
      "_ZN4grpc8internal18ServerCallbackCall14ScheduleOnDoneEb");
  __tsan_acquire(&callbacks_outstanding_);
  real(this, inline_ondone);
}

void ServerCallbackCall::CallOnCancel(ServerReactor* reactor) {
  static const auto real = Real<void(ServerCallbackCall*, ServerReactor*)>(
      "_ZN4grpc8internal18ServerCallbackCall12CallOnCancelEPNS0_13ServerReactorE");
  __tsan_acquire(&on_cancel_conditions_remaining_);
  real(this, reactor);
}

}  // namespace grpc::internal
