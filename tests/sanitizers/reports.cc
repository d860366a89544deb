// Linked into every program of a sanitized build (cmake/OctetSanitizers.cmake),
// itself not instrumented. What the sanitizers are to do is built in: ranks,
// keepers and job commands start with a clean environment.
//
// A program that is killed, or that nobody waits for, would take its findings
// along. So each is also appended to one file, which the last test reads.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

namespace {

// OpenVINO's TBB else opens a library in a way that the runtimes refuse.
__attribute__((constructor)) void KeepTbbFromDeepBinding() {
  setenv("TBB_ENABLE_SANITIZERS", "1", 1);
}

}  // namespace

extern "C" {

const char* __asan_default_options() {
  return "detect_stack_use_after_return=1:strict_string_checks=1";
}

const char* __ubsan_default_options() { return "print_stacktrace=1:print_summary=1"; }

// What packaged libraries do among themselves is not looked at: they are not
// instrumented, so their own synchronization is not seen.
const char* __tsan_default_options() {
  return "ignore_noninstrumented_modules=1:second_deadlock_stack=1:print_suppressions=0";
}

const char* __lsan_default_options() { return "print_suppressions=0"; }

// OpenVINO keeps its threads' state, and TBB's and hwloc's, until the process ends.
const char* __lsan_default_suppressions() {
  return "leak:libopenvino.so\n"
         "leak:libtbb.so\n"
         "leak:libtbbbind\n"
         "leak:libhwloc.so\n";
}

// The runtime calls it once a report, after the report's text.
void __sanitizer_report_error_summary(const char* summary) {
  char line[1024];
  snprintf(line, sizeof(line), "%s: %s\n", program_invocation_short_name, summary);
  const size_t size = strlen(line);
  (void)!write(STDERR_FILENO, line, size);
  const int fd = open(OCTET_SANITIZER_REPORTS, O_WRONLY | O_APPEND | O_CLOEXEC);
  // A confined process may not write there: it ends here, and its job with it.
  if (fd < 0 || write(fd, line, size) < 0) _exit(99);
  close(fd);
}

}  // extern "C"
