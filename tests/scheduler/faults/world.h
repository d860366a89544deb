// A whole cluster in one thread, from a seed: its history, and what failed.
#ifndef OCTET_TESTS_SCHEDULER_FAULTS_WORLD_H_
#define OCTET_TESTS_SCHEDULER_FAULTS_WORLD_H_

#include <cstdint>
#include <string>

namespace octet::scheduler::faults {

struct Outcome {
  std::string failure;  // empty: everything held
  double seconds = 0;   // of virtual time
  int64_t events = 0;
  int jobs = 0;
  uint64_t fingerprint = 0;  // of the whole history
};

/// Lives through a history: faults and users for some minutes, then calm, in
/// which everything must come to its end.
Outcome RunSeed(uint64_t seed, bool trace);

}  // namespace octet::scheduler::faults

#endif  // OCTET_TESTS_SCHEDULER_FAULTS_WORLD_H_
