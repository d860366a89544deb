// fake_nvml.cc in this process.
#ifndef OCTET_TESTS_WORKER_AGENT_FAKE_DRIVER_H_
#define OCTET_TESTS_WORKER_AGENT_FAKE_DRIVER_H_

#include <dlfcn.h>

#include "gtest/gtest.h"

namespace octet::agent {

/// While it lives, whoever loads libnvidia-ml.so.1 gets the fake one: the
/// loader looks among the libraries it has, by their own names, first.
class FakeDriver {
 public:
  FakeDriver() : library_(dlopen(OCTET_FAKE_NVML_FOLDER "/libnvidia-ml.so.1", RTLD_NOW)) {
    EXPECT_NE(library_, nullptr) << dlerror();
  }
  ~FakeDriver() { dlclose(library_); }
  FakeDriver(const FakeDriver&) = delete;
  FakeDriver& operator=(const FakeDriver&) = delete;

 private:
  void* const library_;
};

}  // namespace octet::agent

#endif  // OCTET_TESTS_WORKER_AGENT_FAKE_DRIVER_H_
