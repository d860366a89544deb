#include "scheduler/sim/trace.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/files.h"
#include "common/status.h"
#include "common/text.h"

namespace octet::scheduler {
namespace {

const std::map<std::string, TraceJob::Status>& Statuses() {
  static const std::map<std::string, TraceJob::Status> statuses = {
      {"passed", TraceJob::Status::kPassed},
      {"failed", TraceJob::Status::kFailed},
      {"killed", TraceJob::Status::kKilled},
  };
  return statuses;
}

std::string StatusName(TraceJob::Status status) {
  for (const auto& [name, each] : Statuses())
    if (each == status) return name;
  return "";
}

absl::Status Wrong(std::string_view text, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("\"", std::string(text), "\" is not ", std::string(what)));
}

absl::Status ReadSeconds(const std::string& text, double& value) {
  if (!absl::SimpleAtod(text, &value) || !std::isfinite(value) || value < 0)
    return Wrong(text, "a number of seconds, 0 or more");
  return absl::OkStatus();
}
absl::Status ReadCount(const std::string& text, int least, int& value) {
  if (!absl::SimpleAtoi(text, &value) || value < least)
    return Wrong(text, absl::StrCat("a whole number, ", least, " or more"));
  return absl::OkStatus();
}
absl::Status ReadFlag(const std::string& text, bool& value) {
  if (text != "0" && text != "1") return Wrong(text, "0 or 1");
  value = text == "1";
  return absl::OkStatus();
}

// The shortest text that reads back as the same number.
std::string Number(double value) {
  for (int digits = 6; digits < 17; ++digits) {
    std::string text = absl::StrFormat("%.*g", digits, value);
    double read = 0;
    if (absl::SimpleAtod(text, &read) && read == value) return text;
  }
  return absl::StrFormat("%.17g", value);
}

struct Column {
  std::string name;
  std::function<absl::Status(const std::string& text, TraceJob& job)> read;
  std::function<std::string(const TraceJob& job)> write;
};

Column Seconds(const std::string& name, double TraceJob::*field) {
  return {name,
          [=](const std::string& text, TraceJob& job) { return ReadSeconds(text, job.*field); },
          [=](const TraceJob& job) { return Number(job.*field); }};
}
Column Count(const std::string& name, int TraceJob::*field, int least) {
  return {
      name,
      [=](const std::string& text, TraceJob& job) { return ReadCount(text, least, job.*field); },
      [=](const TraceJob& job) { return absl::StrCat(job.*field); }};
}
Column Flag(const std::string& name, bool TraceJob::*field) {
  return {name, [=](const std::string& text, TraceJob& job) { return ReadFlag(text, job.*field); },
          [=](const TraceJob& job) { return std::string(job.*field ? "1" : "0"); }};
}

absl::Status ReadTeam(const std::string& text, TraceJob& job) {
  if (text.empty()) return Wrong(text, "a team's name");
  job.team = text;
  return absl::OkStatus();
}
absl::Status ReadStatus(const std::string& text, TraceJob& job) {
  const auto found = Statuses().find(text);
  if (found == Statuses().end()) return Wrong(text, "passed, failed or killed");
  job.status = found->second;
  return absl::OkStatus();
}

constexpr int kAnyInt = -1'000'000;

const std::vector<Column>& Columns() {
  static const std::vector<Column> columns = {
      Seconds("submit_s", &TraceJob::submit_s),
      {"team", &ReadTeam, [](const TraceJob& job) { return job.team; }},
      Count("slots", &TraceJob::slots, 1),
      Count("nodes", &TraceJob::nodes, 0),
      Count("min_slots", &TraceJob::min_slots, 0),
      Seconds("duration_s", &TraceJob::duration_s),
      Seconds("planned_s", &TraceJob::planned_s),
      Seconds("time_limit_s", &TraceJob::time_limit_s),
      Count("priority", &TraceJob::priority, kAnyInt),
      Flag("saves", &TraceJob::saves),
      Flag("progress", &TraceJob::progress),
      {"status", &ReadStatus, [](const TraceJob& job) { return StatusName(job.status); }},
  };
  return columns;
}

std::vector<std::string> Cells(std::string_view line) {
  std::vector<std::string> cells = absl::StrSplit(absl::string_view(line.data(), line.size()), ',');
  for (std::string& cell : cells) absl::StripAsciiWhitespace(&cell);
  return cells;
}

// The header's columns, in its order.
absl::StatusOr<std::vector<const Column*>> ReadHeader(std::string_view line) {
  std::vector<std::string> known;
  for (const Column& column : Columns()) known.push_back(column.name);
  std::vector<const Column*> columns;
  std::set<std::string> seen;
  for (const std::string& name : Cells(line)) {
    const auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end())
      return absl::InvalidArgumentError(absl::StrCat("line 1, the header: there is no column \"",
                                                     name, "\"", DidYouMean(name, known)));
    if (!seen.insert(name).second)
      return absl::InvalidArgumentError(
          absl::StrCat("line 1, the header: column ", name, " is there twice"));
    columns.push_back(&Columns()[found - known.begin()]);
  }
  for (const char* name : {"submit_s", "slots", "duration_s"})
    if (!seen.contains(name))
      return absl::InvalidArgumentError(absl::StrCat("line 1, the header: column ", name,
                                                     " is missing; the columns are ",
                                                     absl::StrJoin(known, ", ")));
  return columns;
}

absl::StatusOr<TraceJob> ReadJob(std::string_view line, const std::vector<const Column*>& columns) {
  const std::vector<std::string> cells = Cells(line);
  if (cells.size() != columns.size())
    return absl::InvalidArgumentError(
        absl::StrCat(cells.size(), " values, and the header has ", columns.size(), " columns"));
  TraceJob job{.planned_s = -1};
  for (size_t i = 0; i < cells.size(); ++i)
    RETURN_IF_ERROR(
        Annotate(columns[i]->read(cells[i], job), absl::StrCat("column ", columns[i]->name)));
  if (job.planned_s < 0) job.planned_s = job.duration_s;
  if (job.nodes > 0 && job.slots % job.nodes != 0)
    return absl::InvalidArgumentError(absl::StrCat("column nodes: ", job.slots,
                                                   " slots cannot be shared out evenly over ",
                                                   job.nodes, " nodes"));
  if (job.min_slots > job.slots || (job.min_slots > 0 && job.nodes > 0))
    return absl::InvalidArgumentError(
        "column min_slots: must be at most slots, and 0 where nodes is given");
  return job;
}

}  // namespace

absl::StatusOr<Trace> ParseTrace(std::string_view text) {
  std::vector<const Column*> columns;
  Trace trace;
  int number = 0;
  for (absl::string_view each : absl::StrSplit(absl::string_view(text.data(), text.size()), '\n')) {
    ++number;
    each = absl::StripTrailingAsciiWhitespace(each);
    const std::string_view line(each.data(), each.size());
    if (number == 1) {
      ASSIGN_OR_RETURN(columns, ReadHeader(line));
    } else if (!line.empty()) {
      absl::StatusOr<TraceJob> job = ReadJob(line, columns);
      RETURN_IF_ERROR(Annotate(job.status(), absl::StrCat("line ", number)));
      trace.push_back(*std::move(job));
    }
  }
  std::stable_sort(trace.begin(), trace.end(),
                   [](const TraceJob& a, const TraceJob& b) { return a.submit_s < b.submit_s; });
  return trace;
}

std::string FormatTrace(const Trace& trace) {
  std::vector<std::string> cells;
  for (const Column& column : Columns()) cells.push_back(column.name);
  std::string text = absl::StrCat(absl::StrJoin(cells, ","), "\n");
  for (const TraceJob& job : trace) {
    cells.clear();
    for (const Column& column : Columns()) cells.push_back(column.write(job));
    absl::StrAppend(&text, absl::StrJoin(cells, ","), "\n");
  }
  return text;
}

absl::StatusOr<Trace> ReadTrace(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  absl::StatusOr<Trace> trace = ParseTrace(text);
  RETURN_IF_ERROR(Annotate(trace.status(), path));
  return trace;
}

absl::Status WriteTrace(const std::string& path, const Trace& trace) {
  return WriteFileAtomic(path, FormatTrace(trace));
}

}  // namespace octet::scheduler
