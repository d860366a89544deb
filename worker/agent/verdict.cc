#include "worker/agent/verdict.h"

#include <algorithm>
#include <fstream>
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace octet::agent {
namespace {

enum Evidence { kNone, kEcho, kSilent, kClear };

Evidence EvidenceOf(const RankOutcome& outcome, bool stop_requested) {
  if (outcome.exit.ok() || outcome.exit.exit_code == kStoppedExitCode) return kNone;
  if (outcome.reported && !outcome.reported->secondary()) return kClear;
  if (outcome.signalled_here) return kNone;
  if (outcome.exit.signal != 0) return kClear;
  // While ranks leave, collectives break: that is no failure.
  if (outcome.reported) return stop_requested ? kNone : kEcho;
  return kSilent;
}

v1::Failure Describe(const RankOutcome& outcome, const std::string& node) {
  v1::Failure failure;
  if (outcome.reported) {
    failure = *outcome.reported;
  } else {
    failure.set_failure_class(v1::FAILURE_CLASS_RANK_LOST);
    const std::string subject = absl::StrCat("rank ", outcome.rank, " on node ", node);
    failure.set_message(outcome.exit.signal != 0
                            ? absl::StrCat(subject, " was killed by ", ToString(outcome.exit))
                            : absl::StrCat(subject, " ended with ", ToString(outcome.exit),
                                           " and did not say why"));
  }
  failure.set_rank(outcome.rank);
  failure.set_node(node);
  failure.set_exit_code(outcome.exit.exit_code);
  // One that the agent sent says nothing of the failure.
  if (!outcome.signalled_here) failure.set_signal(outcome.exit.signal);
  return failure;
}

Evidence CommandEvidenceOf(const RankOutcome& outcome) {
  // By this agent: a command has no word with it.
  if (outcome.reported) return kClear;
  if (outcome.exit.ok() || outcome.asked_to_leave || outcome.signalled_here) return kNone;
  return outcome.exit.signal != 0 && !outcome.signalled_by_user ? kClear : kSilent;
}

v1::Failure DescribeCommand(const RankOutcome& outcome, const std::string& node) {
  v1::Failure failure = Describe(outcome, node);
  if (outcome.reported) return failure;
  const std::string subject = absl::StrCat("rank ", outcome.rank, " on node ", node);
  if (outcome.signalled_by_user) {
    failure.set_failure_class(v1::FAILURE_CLASS_JOB);
    failure.set_message(
        absl::StrCat(subject, " was ended by ", ToString(outcome.exit), ", as its user asked"));
  } else if (outcome.exit.signal == 0) {
    failure.set_failure_class(v1::FAILURE_CLASS_JOB);
    failure.set_message(absl::StrCat(subject, " ended with ", ToString(outcome.exit)));
  }
  return failure;
}

// The outcome with the best evidence, the earliest among equals; null: none has
// any.
const RankOutcome* FindCause(const std::vector<RankOutcome>& outcomes,
                             const std::function<Evidence(const RankOutcome&)>& evidence_of) {
  const RankOutcome* cause = nullptr;
  Evidence best = kNone;
  for (const RankOutcome& outcome : outcomes) {
    const Evidence evidence = evidence_of(outcome);
    if (evidence > best) {
      best = evidence;
      cause = &outcome;
    }
  }
  return cause;
}

// The length of the valid UTF-8 sequence at the start of `text`; 0: none.
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const size_t length = byte(0) < 0x80                       ? 1
                        : byte(0) >= 0xC2 && byte(0) < 0xE0  ? 2
                        : byte(0) >= 0xE0 && byte(0) < 0xF0  ? 3
                        : byte(0) >= 0xF0 && byte(0) <= 0xF4 ? 4
                                                             : 0;
  if (length == 0 || length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const bool overlong = (byte(0) == 0xE0 && byte(1) < 0xA0) || (byte(0) == 0xF0 && byte(1) < 0x90);
  const bool surrogate = byte(0) == 0xED && byte(1) >= 0xA0;
  const bool too_large = byte(0) == 0xF4 && byte(1) >= 0x90;
  return overlong || surrogate || too_large ? 0 : length;
}

// A protobuf string holds UTF-8 only; a rank may print anything.
std::string ToUtf8(std::string_view text) {
  std::string valid;
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    if (length == 0) {
      valid += "\xEF\xBF\xBD";  // U+FFFD
      text.remove_prefix(1);
    } else {
      valid += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return valid;
}

}  // namespace

v1::RanksEnded Judge(const std::vector<RankOutcome>& outcomes, const std::string& node,
                     bool stop_requested) {
  v1::RanksEnded ended;
  if (std::all_of(outcomes.begin(), outcomes.end(),
                  [](const RankOutcome& outcome) { return outcome.exit.ok(); })) {
    ended.set_succeeded(true);
    return ended;
  }
  const RankOutcome* cause = FindCause(
      outcomes, [&](const RankOutcome& outcome) { return EvidenceOf(outcome, stop_requested); });
  if (cause == nullptr) {
    ended.set_stopped(true);
  } else {
    *ended.mutable_failure() = Describe(*cause, node);
  }
  return ended;
}

v1::RanksEnded JudgeCommand(const std::vector<RankOutcome>& outcomes, const std::string& node) {
  v1::RanksEnded ended;
  if (const RankOutcome* cause = FindCause(outcomes, CommandEvidenceOf)) {
    *ended.mutable_failure() = DescribeCommand(*cause, node);
  } else if (std::all_of(outcomes.begin(), outcomes.end(), [](const RankOutcome& outcome) {
               return outcome.exit.ok() && !outcome.asked_to_leave;
             })) {
    ended.set_succeeded(true);
  } else {
    ended.set_stopped(true);
  }
  return ended;
}

std::vector<std::string> TailOfFile(const std::string& path, int lines) {
  constexpr std::streamoff kMost = 16 << 10;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return {};
  const std::streamoff size = file.tellg();
  const std::streamoff start = std::max<std::streamoff>(0, size - kMost);
  std::string text(static_cast<size_t>(size - start), '\0');
  file.seekg(start);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (!text.empty() && text.back() == '\n') text.pop_back();
  if (text.empty()) return {};
  std::vector<std::string> all = absl::StrSplit(text, '\n');
  if (all.size() > static_cast<size_t>(lines)) all.erase(all.begin(), all.end() - lines);
  for (std::string& line : all) line = ToUtf8(line);
  return all;
}

}  // namespace octet::agent
