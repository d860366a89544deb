// Cases of the folder cases/: evidence as it was met, with its true cause.
#ifndef OCTET_TESTS_WORKER_FAILURE_CASE_FILE_H_
#define OCTET_TESTS_WORKER_FAILURE_CASE_FILE_H_

#include <string>
#include <vector>

#include "worker/failure/evidence.h"

namespace octet::failure {

struct Case {
  /// The true cause's name.
  std::string cause;
  /// "out_of_memory.yaml:12".
  std::string place;
  /// "development"; "held_out": written before the rules and not looked at
  /// while they were made; "field": met by others, collected afterwards.
  std::string list;
  Evidence evidence;
};

/// Every case of every file. A file is named for its cases' cause unless a case
/// has a `cause` of its own. Other keys of a case are as Evidence's fields;
/// what is not there is as nothing had been found.
std::vector<Case> ReadCases(const std::string& folder);

}  // namespace octet::failure

#endif  // OCTET_TESTS_WORKER_FAILURE_CASE_FILE_H_
