// From all evidence to one cause.
#ifndef OCTET_WORKER_FAILURE_CLASSIFIER_H_
#define OCTET_WORKER_FAILURE_CLASSIFIER_H_

#include <string>
#include <string_view>
#include <vector>

#include "worker/failure/cause.h"
#include "worker/failure/evidence.h"

namespace octet::failure {

struct Diagnosis {
  Cause cause = Cause::kUnknown;
  FailureClass failure_class = FailureClass::kUnspecified;
  /// Of the rule that held; see rules.cc.
  std::string_view rule;
  /// What it rests on besides how the process ended: the rule's facts as
  /// clauses, and the line that it found.
  std::vector<std::string> grounds;
};

/// Pure. `evidence` is of an attempt that did not succeed.
Diagnosis Classify(const Evidence& evidence);

/// One sentence: the cause, what it rests on, and the way out.
std::string Explain(const Diagnosis& diagnosis);

/// Whether `line` contains `text`, in which '*' stands for anything; upper and
/// lower case alike.
bool Contains(std::string_view line, std::string_view text);

}  // namespace octet::failure

#endif  // OCTET_WORKER_FAILURE_CLASSIFIER_H_
