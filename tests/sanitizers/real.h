// For functions that programs of a sanitized build define in a library's place.
#ifndef OCTET_TESTS_SANITIZERS_REAL_H_
#define OCTET_TESTS_SANITIZERS_REAL_H_

#include <dlfcn.h>

namespace octet::sanitizers {

/// The library's own function that the caller stands in for.
template <typename Function>
Function* Real(const char* symbol) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, symbol));
}

}  // namespace octet::sanitizers

#endif  // OCTET_TESTS_SANITIZERS_REAL_H_
