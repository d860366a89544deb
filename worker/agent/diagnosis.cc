#include "worker/agent/diagnosis.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "worker/failure/classifier.h"

namespace octet::agent {
namespace {

using failure::Cause;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

// They add nothing to what the failure says already.
bool SaysNothingNew(Cause cause) {
  return cause == Cause::kUnknown || cause == Cause::kProgramError || cause == Cause::kSilentEnd ||
         cause == Cause::kMachineFault || cause == Cause::kPeerLost || cause == Cause::kCancelled;
}

bool ClassIsOpen(const v1::Failure& failure) {
  return failure.failure_class() == v1::FAILURE_CLASS_UNSPECIFIED ||
         failure.failure_class() == v1::FAILURE_CLASS_JOB ||
         failure.failure_class() == v1::FAILURE_CLASS_RANK_LOST ||
         failure.failure_class() == v1::FAILURE_CLASS_INFRASTRUCTURE;
}

// "out of memory: rank 1 on node n1 was killed by ..., <grounds>; <way out>".
// What a rank says of its own input or its own numbers has its way out.
std::string Sentence(const failure::Diagnosis& diagnosis, const v1::Failure& failure,
                     bool rank_said_it) {
  if (rank_said_it && diagnosis.failure_class == failure::FailureClass::kBadData)
    return failure.message();
  const failure::CauseFacts& facts = failure::FactsOf(diagnosis.cause);
  const std::string grounds =
      rank_said_it ? "" : absl::StrCat(", ", absl::StrJoin(diagnosis.grounds, ", "));
  return absl::StrCat(View(facts.title), ": ", failure.message(), grounds == ", " ? "" : grounds,
                      "; ", View(facts.way_out));
}

void Apply(const failure::Diagnosis& diagnosis, bool rank_said_it, v1::Failure& failure) {
  failure.set_cause(std::string(failure::FactsOf(diagnosis.cause).name));
  if (SaysNothingNew(diagnosis.cause)) return;
  failure.set_message(Sentence(diagnosis, failure, rank_said_it));
  // An echo does not know whose fault it is.
  if (!failure.secondary())
    failure.set_failure_class(static_cast<v1::FailureClass>(diagnosis.failure_class));
}

}  // namespace

void NameCause(const RankOutcome& outcome, bool is_command, const failure::NodeFacts& node,
               v1::Failure& failure) {
  if (!failure.cause().empty()) return;
  if (!ClassIsOpen(failure)) {
    if (failure.failure_class() == v1::FAILURE_CLASS_HUNG_RANK)
      failure.set_cause(std::string(failure::FactsOf(Cause::kHang).name));
    return;
  }
  failure::Evidence evidence;
  evidence.is_command = is_command;
  evidence.exit_code = outcome.exit.exit_code;
  evidence.signal = outcome.exit.signal;
  evidence.sender = outcome.signalled_here      ? failure::Sender::kAgent
                    : outcome.signalled_by_user ? failure::Sender::kUser
                                                : failure::Sender::kElsewhere;
  if (outcome.reported) {
    evidence.report = outcome.reported->message();
    evidence.report_is_echo = outcome.reported->secondary();
    evidence.report_blames_machine =
        outcome.reported->failure_class() == v1::FAILURE_CLASS_INFRASTRUCTURE;
  }
  evidence.stderr_tail = {failure.stderr_tail().begin(), failure.stderr_tail().end()};
  evidence.node = node;
  Apply(failure::Classify(evidence), outcome.reported.has_value(), failure);
}

void NameCauseOfStart(bool is_command, const failure::NodeFacts& node, v1::Failure& failure) {
  const failure::Evidence evidence{.is_command = is_command,
                                   .exit_code = failure.exit_code(),
                                   .start_error = failure.message(),
                                   .node = node};
  Apply(failure::Classify(evidence), /*rank_said_it=*/true, failure);
}

v1::Failure LimitPassed(const isolation::Breach& breach, const std::string& job,
                        const std::string& node) {
  const bool memory = breach.kind == isolation::Breach::Kind::kMemory;
  const failure::CauseFacts& facts =
      failure::FactsOf(memory ? Cause::kOutOfMemory : Cause::kOverLimit);
  v1::Failure failure;
  failure.set_failure_class(static_cast<v1::FailureClass>(facts.failure_class));
  failure.set_cause(std::string(facts.name));
  failure.set_node(node);
  failure.set_message(absl::StrCat(View(facts.title), ": job ", job, " ", breach.message,
                                   " (on node ", node, "); ", View(facts.way_out)));
  return failure;
}

v1::Failure HungRank(const failure::RankPosition& position, const std::string& node) {
  const failure::CauseFacts& facts = failure::FactsOf(Cause::kHang);
  v1::Failure failure;
  failure.set_failure_class(v1::FAILURE_CLASS_HUNG_RANK);
  failure.set_cause(std::string(facts.name));
  failure.set_rank(position.rank);
  failure.set_node(node);
  failure.set_message(absl::StrCat(View(facts.title), ": rank ", position.rank, " on node ", node,
                                   " stands still, ", failure::ToString(position), "; ",
                                   View(facts.way_out)));
  return failure;
}

}  // namespace octet::agent
