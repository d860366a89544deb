// How well the rules name what went wrong, over cases of each kind.
#include "worker/failure/classifier.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/failure/case_file.h"
#include "worker/failure/rules.h"

namespace octet::failure {
namespace {

using ::testing::HasSubstr;

constexpr double kLeastF1 = 0.95;
constexpr int kLeastCases = 20;

// The kinds that count; a case of another cause counts where it is taken for
// one of these.
const std::set<std::string> kKinds = {
    "out_of_memory", "crash",        "bad_data",     "nan",           "hang",       "node_lost",
    "disk_full",     "slow_network", "agent_killed", "wrong_command", "time_limit", "cancelled"};

using Matrix = std::map<std::string, std::map<std::string, int>>;  // By truth, then by verdict.

std::string NameOf(const Diagnosis& diagnosis) {
  return std::string(FactsOf(diagnosis.cause).name);
}

Matrix Judge(const std::vector<Case>& cases) {
  Matrix matrix;
  for (const Case& one : cases) {
    const Diagnosis diagnosis = Classify(one.evidence);
    ++matrix[one.cause][NameOf(diagnosis)];
    if (NameOf(diagnosis) != one.cause)
      absl::PrintF("%s: %s, not %s (rule %s)\n", one.place, NameOf(diagnosis), one.cause,
                   diagnosis.rule);
  }
  return matrix;
}

int Sum(const std::map<std::string, int>& row) {
  int sum = 0;
  for (const auto& [name, count] : row) sum += count;
  return sum;
}

double F1(const Matrix& matrix, const std::string& kind) {
  const auto at = [&](const std::string& truth, const std::string& verdict) {
    const auto row = matrix.find(truth);
    const auto cell = row == matrix.end() ? std::map<std::string, int>::const_iterator()
                                          : row->second.find(verdict);
    return row == matrix.end() || cell == row->second.end() ? 0 : cell->second;
  };
  int named = 0;
  for (const auto& [truth, row] : matrix) named += at(truth, kind);
  const auto row = matrix.find(kind);
  const int there = row == matrix.end() ? 0 : Sum(row->second);
  return named + there == 0 ? 0 : 2.0 * at(kind, kind) / (named + there);
}

double MacroF1(const Matrix& matrix) {
  double sum = 0;
  for (const std::string& kind : kKinds) sum += F1(matrix, kind);
  return sum / static_cast<double>(kKinds.size());
}

void Print(const Matrix& matrix) {
  for (const auto& [truth, row] : matrix) {
    absl::PrintF("%-14s %3d ", truth, Sum(row));
    for (const auto& [verdict, count] : row) absl::PrintF(" %s %d", verdict, count);
    if (kKinds.contains(truth)) absl::PrintF("  F1 %.3f", F1(matrix, truth));
    absl::PrintF("\n");
  }
  absl::PrintF("macro-F1 over %d kinds: %.4f\n", kKinds.size(), MacroF1(matrix));
}

std::vector<Case> Cases(const std::string& list) {
  std::vector<Case> cases = ReadCases(OCTET_FAILURE_CASES);
  std::erase_if(cases, [&](const Case& one) { return one.list != list; });
  return cases;
}

TEST(ClassifierTest, NamesTheTwelveKinds) {
  const std::vector<Case> cases = ReadCases(OCTET_FAILURE_CASES);
  const Matrix matrix = Judge(cases);
  Print(matrix);
  for (const std::string& kind : kKinds)
    EXPECT_GE(std::count_if(cases.begin(), cases.end(),
                            [&](const Case& one) { return one.cause == kind; }),
              kLeastCases)
        << kind;
  EXPECT_GE(MacroF1(matrix), kLeastF1);
}

TEST(ClassifierTest, NamesCasesThatNoRuleWasMadeFor) {
  const Matrix matrix = Judge(Cases("held_out"));
  Print(matrix);
  EXPECT_GE(MacroF1(matrix), kLeastF1);
}

TEST(ClassifierTest, NamesWhatOthersMet) {
  const std::vector<Case> cases = Cases("field");
  const Matrix matrix = Judge(cases);
  int right = 0;
  for (const auto& [truth, row] : matrix)
    if (const auto cell = row.find(truth); cell != row.end()) right += cell->second;
  absl::PrintF("%d of %d cases from the field\n", right, cases.size());
  EXPECT_GE(right, kLeastF1 * static_cast<double>(cases.size()));
}

TEST(ClassifierTest, KilledIsOutOfMemoryOnlyWithTheKernelsWord) {
  Evidence evidence{.is_command = true, .signal = 9};
  EXPECT_EQ(Classify(evidence).cause, Cause::kKilled);
  evidence.node.oom_kills = 1;
  EXPECT_EQ(Classify(evidence).cause, Cause::kOutOfMemory);
  evidence.sender = Sender::kAgent;
  EXPECT_NE(Classify(evidence).cause, Cause::kOutOfMemory);
}

TEST(ClassifierTest, WhatACommandMayNotHaveIsNamed) {
  Evidence evidence{.is_command = true, .exit_code = 1};
  evidence.stderr_tail = {"cat: ../j2/secret: Permission denied"};
  EXPECT_EQ(Classify(evidence).cause, Cause::kNotAllowed);
  evidence.exit_code = 126;
  EXPECT_EQ(Classify(evidence).cause, Cause::kWrongCommand);
  evidence = {.is_command = true, .exit_code = 126, .start_error = "/x is closed to jobs here"};
  EXPECT_EQ(Classify(evidence).cause, Cause::kNotAllowed);
}

TEST(ClassifierTest, ABusErrorIsOutOfMemoryOnlyWithAFullDevShm) {
  Evidence evidence{.signal = 7};
  EXPECT_EQ(Classify(evidence).cause, Cause::kCrash);
  evidence.node.shm_free_bytes = 0;
  EXPECT_EQ(Classify(evidence).cause, Cause::kOutOfMemory);
}

TEST(ClassifierTest, ATimeoutIsTheNetworksFaultOnlyWhenPacketsAreLost) {
  Evidence evidence{.exit_code = 1,
                    .report = "all-reduce: Timed out waiting 300000ms for recv operation",
                    .report_is_echo = true};
  EXPECT_EQ(Classify(evidence).cause, Cause::kHang);
  evidence.node.retransmitted = 0.2;
  EXPECT_EQ(Classify(evidence).cause, Cause::kSlowNetwork);
  evidence.standing = {{.rank = 0, .step = 5, .phase = Phase::kCommunication},
                       {.rank = 1, .step = 5, .phase = Phase::kCompute}};
  EXPECT_EQ(Classify(evidence).cause, Cause::kHang);
}

TEST(ClassifierTest, TheLastErrorCountsMoreThanEarlierWarnings) {
  const Evidence evidence{.is_command = true,
                          .exit_code = 1,
                          .stderr_tail = {"warning: Connection reset by peer, trying again",
                                          "ValueError: no such key"}};
  EXPECT_EQ(Classify(evidence).cause, Cause::kProgramError);
}

TEST(ClassifierTest, ExplainsWithTheLineThatItFoundAndTheWayOut) {
  const Evidence evidence{.is_command = true,
                          .exit_code = 1,
                          .stderr_tail = {"RuntimeError: CUDA out of memory. Tried 2 GiB"}};
  const Diagnosis diagnosis = Classify(evidence);
  EXPECT_EQ(diagnosis.rule, "memory-text");
  EXPECT_EQ(Explain(diagnosis),
            "out of memory (\"RuntimeError: CUDA out of memory. Tried 2 GiB\"): lower the batch "
            "size, put fewer ranks on a node, or give it more memory");
}

TEST(ClassifierTest, EveryFailureHasACause) {
  EXPECT_EQ(Classify({.exit_code = 1}).cause, Cause::kSilentEnd);
  EXPECT_EQ(Classify({.is_command = true, .exit_code = 1}).cause, Cause::kProgramError);
  EXPECT_EQ(Classify({}).cause, Cause::kUnknown);
}

TEST(RulesTest, HaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (const Rule& rule : Rules()) EXPECT_TRUE(names.insert(rule.name).second) << rule.name;
}

TEST(ContainsTest, AStarStandsForAnything) {
  EXPECT_TRUE(Contains("sh: 1: trian: not found", "SH: *: not found"));
  EXPECT_TRUE(Contains("abc", ""));
  EXPECT_TRUE(Contains("abc", "*"));
  EXPECT_TRUE(Contains("abc", "a*c"));
  EXPECT_FALSE(Contains("cba", "a*c"));
  EXPECT_FALSE(Contains("ab", "abc"));
}

}  // namespace
}  // namespace octet::failure
