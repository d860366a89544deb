// Which of the mutations of mutations.cmake is switched on.
#ifndef OCTET_TESTS_SCHEDULER_FAULTS_MUTANT_H_
#define OCTET_TESTS_SCHEDULER_FAULTS_MUTANT_H_

#include <string_view>

namespace octet::scheduler::faults {

/// Of this process; empty: none.
inline std::string_view mutant;

/// Called by the mutated copies of the scheduler's sources.
inline bool Mutant(std::string_view name) { return mutant == name; }

}  // namespace octet::scheduler::faults

#endif  // OCTET_TESTS_SCHEDULER_FAULTS_MUTANT_H_
