// docs/metrics.md lists what the programs serve, all of it and nothing else.
// The linter of dashboards and rules reads the same list.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "scheduler/server/metrics.h"
#include "tests/common/temp_folder.h"
#include "tests/worker/agent/fake_driver.h"
#include "worker/agent/metrics.h"
#include "worker/agent/slots.h"

namespace octet {
namespace {

const char* NameOf(prometheus::MetricType type) {
  switch (type) {
    case prometheus::MetricType::Counter:
      return "counter";
    case prometheus::MetricType::Histogram:
      return "histogram";
    default:
      return "gauge";
  }
}

// As docs/metrics.md has it.
std::set<std::string> RowsOf(const std::vector<prometheus::MetricFamily>& families) {
  std::set<std::string> rows;
  for (const auto& family : families) {
    std::set<std::string> labels;
    for (const auto& metric : family.metric)
      for (const auto& label : metric.label) labels.insert(absl::StrCat("`", label.name, "`"));
    rows.insert(absl::StrCat("| `", family.name, "` | ", NameOf(family.type), " | ",
                             absl::StrJoin(labels, ", "), labels.empty() ? "| " : " | ",
                             family.help, " |"));
  }
  return rows;
}

// Everything a scheduler can say.
std::vector<prometheus::MetricFamily> OfScheduler() {
  scheduler::Metrics metrics;
  metrics.Attach([] {
    scheduler::ClusterFigures figures{
        .pending = {{"slots", 1}},
        .slots = {{"cpu", {.slots = {{"free", 1}}, .most_free_on_a_node = 1}}},
        .nodes = {{"lost", 1}},
        .nodes_away = {{"n1", "lost"}}};
    figures.teams["a"] = {.used = {{"cpu", 1}}, .quota = {{"cpu", 1}}};
    return figures;
  });
  metrics.ObserveQueueWait("a", absl::Seconds(1));
  metrics.ObserveRpc("/s/m", grpc::StatusCode::OK, absl::Seconds(1), true);
  metrics.CountJobStateChange("a", "running");
  metrics.CountAttemptStart("train");
  metrics.CountFailure("job", "crash");
  v1::TargetResult exported;
  exported.set_target("gpu");
  exported.set_bytes(1);
  metrics.ObserveExport(exported);
  metrics.NoteMoment({"j1", "a", "started", absl::Now()});
  return metrics.Collect();
}

// Everything an agent on a node with GPUs can say, of a job that trains there.
std::vector<prometheus::MetricFamily> OfAgent() {
  const agent::FakeDriver driver;
  TempFolder folder;
  auto metrics = agent::AgentMetrics::Serve({"127.0.0.1:0", "n1", folder.path()});
  EXPECT_TRUE(metrics.ok()) << metrics.status();
  auto slots = agent::GpuSlots();
  EXPECT_TRUE(slots.ok()) << slots.status();
  (*metrics)->SetSlots(*slots, 1);
  v1::StartAttempt start;
  start.mutable_ref()->set_job_id("j1");
  start.set_world_size(1);
  start.add_ranks(0);
  (*metrics)->StartAttempt(start);
  (*metrics)->SetPid(start.ref(), 0, getpid());
  v1::TrainProgress progress;
  progress.set_total_steps(1);
  progress.set_top1(1);
  progress.mutable_remaining();
  (*metrics)->SetProgress(start.ref(), progress);
  (*metrics)->SetRankTime(start.ref(), 0, {});
  return (*metrics)->Collect();
}

TEST(MetricsDocTest, ListsEveryMetricAndNoOther) {
  const auto doc = ReadFile(OCTET_METRICS_DOC);
  ASSERT_TRUE(doc.ok()) << doc.status();
  std::set<std::string> listed;
  for (const auto& line : absl::StrSplit(*doc, '\n'))
    if (absl::StartsWith(line, "| `octet_")) listed.insert(std::string(line));
  std::set<std::string> served = RowsOf(OfScheduler());
  served.merge(RowsOf(OfAgent()));
  for (const std::string& row : served)
    EXPECT_TRUE(listed.contains(row)) << "docs/metrics.md lacks this row:\n" << row;
  for (const std::string& row : listed)
    EXPECT_TRUE(served.contains(row)) << "nobody serves this row of docs/metrics.md:\n" << row;
}

TEST(MetricsTest, NamesEndInTheirUnits) {
  auto families = OfScheduler();
  for (auto& family : OfAgent()) families.push_back(std::move(family));
  for (const auto& family : families) {
    EXPECT_TRUE(absl::StartsWith(family.name, "octet_")) << family.name;
    EXPECT_EQ(absl::EndsWith(family.name, "_total"), family.type == prometheus::MetricType::Counter)
        << family.name;
    EXPECT_FALSE(family.help.empty()) << family.name;
  }
}

}  // namespace
}  // namespace octet
