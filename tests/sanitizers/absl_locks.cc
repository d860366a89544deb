// Tells ThreadSanitizer of absl's locks. As packaged they are not instrumented, so
// everything that one guards, ours or gRPC's, would look like a race. Programs
// define the functions themselves, which then also stand in for the library's at
// gRPC's calls, and announce each lock as absl's instrumented build does: the
// order of locks is checked too. The variants with a timeout call those with a
// deadline.
#include <sanitizer/tsan_interface.h>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "tests/sanitizers/real.h"

namespace {

using octet::sanitizers::Real;

constexpr unsigned kExclusive = 0;
constexpr unsigned kShared = __tsan_mutex_read_lock;

// What happens inside of a lock's function is its own matter: not looked at.
template <typename Lock>
auto Locking(absl::Mutex* mutex, unsigned flags, Lock lock) {
  struct Scope {
    absl::Mutex* mutex;
    unsigned flags;
    ~Scope() { __tsan_mutex_post_lock(mutex, flags, 0); }
  };
  __tsan_mutex_pre_lock(mutex, flags);
  Scope scope{mutex, flags};
  return lock();
}

template <typename TryLock>
bool TryLocking(absl::Mutex* mutex, unsigned flags, TryLock try_lock) {
  flags |= __tsan_mutex_try_lock;
  __tsan_mutex_pre_lock(mutex, flags);
  const bool locked = try_lock();
  __tsan_mutex_post_lock(mutex, locked ? flags : flags | __tsan_mutex_try_lock_failed, 0);
  return locked;
}

template <typename Unlock>
void Unlocking(absl::Mutex* mutex, unsigned flags, Unlock unlock) {
  __tsan_mutex_pre_unlock(mutex, flags);
  unlock();
  __tsan_mutex_post_unlock(mutex, flags);
}

// A wait gives the lock up and takes it again.
template <typename Wait>
auto Waiting(absl::Mutex* mutex, Wait wait) {
  Unlocking(mutex, kExclusive, [] {});
  return Locking(mutex, kExclusive, wait);
}

}  // namespace

namespace absl {
ABSL_NAMESPACE_BEGIN

#define OCTET_SYMBOL "_ZN4absl7debian3"
#define OCTET_CONST_SYMBOL "_ZNK4absl7debian3"

Mutex::~Mutex() {
  static const auto real = Real<void(Mutex*)>(OCTET_SYMBOL "5MutexD1Ev");
  // gRPC counts who uses a lock by atomics that are not seen: the last to unlock it
  // is what its end follows.
  Locking(this, kExclusive, [] {});
  Unlocking(this, kExclusive, [] {});
  __tsan_mutex_destroy(this, 0);
  real(this);
}

void Mutex::Lock() {
  static const auto real = Real<void(Mutex*)>(OCTET_SYMBOL "5Mutex4LockEv");
  Locking(this, kExclusive, [&] { real(this); });
}

void Mutex::Unlock() {
  static const auto real = Real<void(Mutex*)>(OCTET_SYMBOL "5Mutex6UnlockEv");
  Unlocking(this, kExclusive, [&] { real(this); });
}

bool Mutex::TryLock() {
  static const auto real = Real<bool(Mutex*)>(OCTET_SYMBOL "5Mutex7TryLockEv");
  return TryLocking(this, kExclusive, [&] { return real(this); });
}

void Mutex::ReaderLock() {
  static const auto real = Real<void(Mutex*)>(OCTET_SYMBOL "5Mutex10ReaderLockEv");
  Locking(this, kShared, [&] { real(this); });
}

void Mutex::ReaderUnlock() {
  static const auto real = Real<void(Mutex*)>(OCTET_SYMBOL "5Mutex12ReaderUnlockEv");
  Unlocking(this, kShared, [&] { real(this); });
}

bool Mutex::ReaderTryLock() {
  static const auto real = Real<bool(Mutex*)>(OCTET_SYMBOL "5Mutex13ReaderTryLockEv");
  return TryLocking(this, kShared, [&] { return real(this); });
}

void Mutex::LockWhen(const Condition& condition) {
  static const auto real =
      Real<void(Mutex*, const Condition&)>(OCTET_SYMBOL "5Mutex8LockWhenERKNS0_9ConditionE");
  Locking(this, kExclusive, [&] { real(this, condition); });
}

bool Mutex::LockWhenWithDeadline(const Condition& condition, Time deadline) {
  static const auto real = Real<bool(Mutex*, const Condition&, Time)>(
      OCTET_SYMBOL "5Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  return Locking(this, kExclusive, [&] { return real(this, condition, deadline); });
}

void Mutex::Await(const Condition& condition) {
  static const auto real =
      Real<void(Mutex*, const Condition&)>(OCTET_SYMBOL "5Mutex5AwaitERKNS0_9ConditionE");
  Waiting(this, [&] { real(this, condition); });
}

bool Mutex::AwaitWithDeadline(const Condition& condition, Time deadline) {
  static const auto real = Real<bool(Mutex*, const Condition&, Time)>(
      OCTET_SYMBOL "5Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  return Waiting(this, [&] { return real(this, condition, deadline); });
}

void CondVar::Wait(Mutex* mutex) {
  static const auto real = Real<void(CondVar*, Mutex*)>(OCTET_SYMBOL "7CondVar4WaitEPNS0_5MutexE");
  Waiting(mutex, [&] { real(this, mutex); });
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  static const auto real = Real<bool(CondVar*, Mutex*, Time)>(
      OCTET_SYMBOL "7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE");
  return Waiting(mutex, [&] { return real(this, mutex, deadline); });
}

// A notification that has come is seen without its lock.
void Notification::Notify() {
  static const auto real = Real<void(Notification*)>(OCTET_SYMBOL "12Notification6NotifyEv");
  __tsan_release(this);
  real(this);
}

void Notification::WaitForNotification() const {
  static const auto real =
      Real<void(const Notification*)>(OCTET_CONST_SYMBOL "12Notification19WaitForNotificationEv");
  real(this);
  __tsan_acquire(const_cast<Notification*>(this));
}

bool Notification::WaitForNotificationWithTimeout(Duration timeout) const {
  static const auto real = Real<bool(const Notification*, Duration)>(
      OCTET_CONST_SYMBOL "12Notification30WaitForNotificationWithTimeoutENS0_8DurationE");
  const bool notified = real(this, timeout);
  if (notified) __tsan_acquire(const_cast<Notification*>(this));
  return notified;
}

ABSL_NAMESPACE_END
}  // namespace absl
