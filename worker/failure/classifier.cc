#include "worker/failure/classifier.h"

#include <signal.h>

#include <algorithm>
#include <optional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "worker/failure/rules.h"

namespace octet::failure {
namespace {

// Nobody can write into less, and it stays so after the job's own files of
// that moment are gone.
constexpr int64_t kFull = 1 << 20;
// A healthy network sends less than one segment of a hundred again.
constexpr double kManyRetransmits = 0.05;
constexpr int kSignalExit = 128;
constexpr size_t kLongestQuote = 200;

// A shell ends with 128 + n when signal n ended its child, and Python gives
// its child's -n to exit(), of which eight bits are left.
int SignalOf(const Evidence& evidence) {
  if (evidence.signal != 0) return evidence.signal;
  if (evidence.exit_code > kSignalExit && evidence.exit_code < kSignalExit + SIGRTMIN)
    return evidence.exit_code - kSignalExit;
  const int negative = 256 - evidence.exit_code;
  return negative == SIGSEGV || negative == SIGABRT || negative == SIGKILL ? negative : 0;
}

std::optional<Fact> FactOfSignal(int signal) {
  switch (signal) {
    case SIGKILL:
      return Fact::kSigkill;
    case SIGTERM:
    case SIGHUP:
    case SIGINT:
      return Fact::kSigterm;
    case SIGBUS:
      return Fact::kSigbus;
    case SIGABRT:
      return Fact::kSigabrt;
    case SIGSEGV:
    case SIGILL:
    case SIGFPE:
    case SIGSYS:
      return Fact::kSigsegv;
    case SIGXCPU:
      return Fact::kSigxcpu;
    case SIGXFSZ:
      return Fact::kSigxfsz;
    default:
      return std::nullopt;
  }
}

std::set<Fact> FactsIn(const Evidence& evidence) {
  std::set<Fact> facts;
  const auto add = [&](bool holds, Fact fact) {
    if (holds) facts.insert(fact);
  };
  add(evidence.stop == StopCause::kCancelled, Fact::kCancelled);
  add(evidence.stop == StopCause::kTimeLimit, Fact::kOutOfTime);
  add(evidence.sender == Sender::kUser, Fact::kSignalledByUser);
  add(evidence.sender == Sender::kAgent, Fact::kSignalledByAgent);
  add(evidence.agent == AgentState::kNodeSilent, Fact::kNodeSilent);
  add(evidence.agent == AgentState::kGone, Fact::kAgentGone);
  add(evidence.node.oom_kills > 0, Fact::kOomKill);
  add(evidence.node.disk_free_bytes < kFull, Fact::kDiskFull);
  add(evidence.node.shm_free_bytes < kFull, Fact::kShmFull);
  add(evidence.node.retransmitted >= kManyRetransmits, Fact::kRetransmits);
  add(FindBehind(evidence.standing) != nullptr, Fact::kRankBehind);
  if (const auto fact = FactOfSignal(SignalOf(evidence))) facts.insert(*fact);
  add(evidence.exit_code == 126, Fact::kExit126);
  add(evidence.exit_code == 127, Fact::kExit127);
  add(evidence.exit_code != 0 || evidence.signal != 0, Fact::kFailed);
  add(!evidence.start_error.empty(), Fact::kNotStarted);
  add(evidence.is_command, Fact::kCommand);
  add(evidence.report_is_echo, Fact::kEcho);
  add(evidence.report_blames_machine, Fact::kBlamesMachine);
  add(!evidence.report.empty(), Fact::kReported);
  return facts;
}

bool LooksLikeAnError(const std::string& line) {
  return Contains(line, "Error: ") || Contains(line, "Exception: ") ||
         Contains(line, "terminate called") || Contains(line, "fatal: ") ||
         Contains(line, "errors.*Error'>");
}

// Lines by where a rule looks for them. What the rank said to its agent, or
// why it could not be started, comes after all that it printed.
class Texts {
 public:
  explicit Texts(const Evidence& evidence)
      : kernel_(evidence.node.kernel_log), said_(evidence.stderr_tail) {
    for (const std::string* text : {&evidence.report, &evidence.start_error}) {
      if (text->empty()) continue;
      for (const auto line : absl::StrSplit(*text, '\n')) last_word_.emplace_back(line);
    }
    if (last_word_.empty()) {
      const auto last = std::find_if(said_.rbegin(), said_.rend(), LooksLikeAnError);
      last_word_.assign(last == said_.rend() ? said_.begin() : last.base() - 1, said_.end());
    } else {
      said_.insert(said_.end(), last_word_.begin(), last_word_.end());
    }
  }

  const std::vector<std::string>& At(Where where) const {
    return where == Where::kKernel ? kernel_ : where == Where::kLastWord ? last_word_ : said_;
  }

 private:
  const std::vector<std::string> kernel_;
  std::vector<std::string> said_;
  std::vector<std::string> last_word_;
};

// The last line that has one of the texts; null: none has.
const std::string* FindLine(const std::vector<std::string>& lines,
                            const std::vector<std::string_view>& texts) {
  for (auto line = lines.rbegin(); line != lines.rend(); ++line)
    for (const std::string_view text : texts)
      if (Contains(*line, text)) return &*line;
  return nullptr;
}

Diagnosis Conclude(const Rule& rule, const Evidence& evidence, const std::string* line) {
  Diagnosis diagnosis{
      .cause = rule.cause, .failure_class = FactsOf(rule.cause).failure_class, .rule = rule.name};
  for (const Fact fact : rule.facts)
    if (!Describe(fact).empty()) diagnosis.grounds.emplace_back(Describe(fact));
  if (line != nullptr) {
    const absl::string_view quote = absl::StripAsciiWhitespace(*line);
    diagnosis.grounds.push_back(absl::StrCat("\"", quote.substr(0, kLongestQuote), "\""));
  }
  if (const RankPosition* behind = FindBehind(evidence.standing);
      behind != nullptr && rule.cause == Cause::kHang)
    diagnosis.grounds.push_back(absl::StrCat("rank ", behind->rank, " is ", ToString(*behind)));
  return diagnosis;
}

}  // namespace

Diagnosis Classify(const Evidence& evidence) {
  const std::set<Fact> facts = FactsIn(evidence);
  const Texts texts(evidence);
  const auto holds = [&](Fact fact) { return facts.contains(fact); };
  for (const Rule& rule : Rules()) {
    if (!std::all_of(rule.facts.begin(), rule.facts.end(), holds)) continue;
    if (std::any_of(rule.unless.begin(), rule.unless.end(), holds)) continue;
    if (rule.texts.empty()) return Conclude(rule, evidence, nullptr);
    if (const std::string* line = FindLine(texts.At(rule.where), rule.texts))
      return Conclude(rule, evidence, line);
  }
  return {};
}

std::string Explain(const Diagnosis& diagnosis) {
  const CauseFacts& facts = FactsOf(diagnosis.cause);
  const std::string grounds = absl::StrJoin(diagnosis.grounds, ", ");
  return absl::StrCat(absl::string_view(facts.title.data(), facts.title.size()),
                      grounds.empty() ? "" : absl::StrCat(" (", grounds, ")"), ": ",
                      absl::string_view(facts.way_out.data(), facts.way_out.size()));
}

bool Contains(std::string_view line, std::string_view text) {
  const auto same = [](char a, char b) { return absl::ascii_tolower(a) == absl::ascii_tolower(b); };
  auto from = line.begin();
  for (const absl::string_view part :
       absl::StrSplit(absl::string_view(text.data(), text.size()), '*')) {
    const auto found = std::search(from, line.end(), part.begin(), part.end(), same);
    if (found == line.end() && !part.empty()) return false;
    from = found + static_cast<std::ptrdiff_t>(part.size());
  }
  return true;
}

}  // namespace octet::failure
