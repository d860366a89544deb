#include "client/simulate.h"

#include "common/files.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/client/fake_scheduler.h"
#include "tests/common/temp_folder.h"

namespace octet::client {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// Without a scheduler: there is none at this address.
Outcome Simulate(std::vector<std::string> args) {
  args.insert(args.begin(), {"--server", "unix:/nowhere/at/all", "simulate"});
  std::istringstream in;
  std::ostringstream out, err;
  Context context(in, out, err);
  const int code = RunOctet(context, args);
  return {code, out.str(), err.str()};
}

class SimulateTest : public testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = folder_ / name;
    EXPECT_TRUE(WriteFileAtomic(path, text).ok());
    return path;
  }
  std::string Read(const std::string& name) { return ReadFile(folder_ / name).value_or(""); }
  std::string Trace() {
    return Write("trace.csv",
                 "submit_s,team,slots,duration_s\n0,vision,6,100\n10,robots,8,50\n20,robots,1,5\n");
  }

  TempFolder folder_;
};

TEST_F(SimulateTest, PrintsARowForEachSetAndTheWaitsByTeam) {
  const Outcome outcome = Simulate({Trace(), "--nodes", "1", "--policies", "fifo", "--compare",
                                    "backfill", "--compare", "fair_share,backfill"});
  EXPECT_EQ(outcome.code, kOk) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("3 jobs ("), HasSubstr("on 1 nodes x 8 slots"), HasSubstr("\nfifo "),
                    HasSubstr("\nbackfill "), HasSubstr("\nfair_share,backfill "),
                    HasSubstr("wait by team, fifo\n"), HasSubstr("\nrobots "),
                    Not(HasSubstr("wait by team, backfill"))));
  EXPECT_THAT(Simulate({Trace(), "--compare", "backfill", "-o", "wide"}).out,
              HasSubstr("wait by team, backfill"));
}

TEST_F(SimulateTest, JsonHasWhatWasMeasured) {
  const Outcome outcome = Simulate({Trace(), "--nodes", "1", "--policies", "fifo", "--json",
                                    folder_ / "out.json", "-o", "json"});
  EXPECT_EQ(outcome.code, kOk) << outcome.err;
  EXPECT_EQ(outcome.out, Read("out.json"));
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["jobs"], 3);
  const auto& set = json["sets"][0];
  EXPECT_EQ(set["name"], "fifo");
  EXPECT_EQ(set["ended"], 3);
  EXPECT_DOUBLE_EQ(set["completion_s"]["mean"], (100 + 140 + 135) / 3.0);
  EXPECT_DOUBLE_EQ(set["team_wait_s"]["robots"]["mean"], (90 + 130) / 2.0);
}

TEST_F(SimulateTest, AblationTakesEachPolicyAway) {
  const Outcome outcome = Simulate(
      {Trace(), "--nodes", "1", "--policies", "fair_share,backfill", "--ablation", "-o", "json"});
  const auto sets = nlohmann::json::parse(outcome.out)["sets"];
  ASSERT_EQ(sets.size(), 3u);
  EXPECT_EQ(sets[1]["name"], "without fair_share");
  EXPECT_THAT(sets[1]["policies"].get<std::vector<std::string>>(), ElementsAre("backfill"));
  EXPECT_THAT(sets[2]["policies"].get<std::vector<std::string>>(), ElementsAre("fair_share"));
}

TEST_F(SimulateTest, TeamsAndPoliciesComeFromTheSchedulersOwnFile) {
  // Robots come first and take all; vision's quota is its own whenever it asks.
  const std::string trace =
      Write("trace.csv", "submit_s,team,slots,duration_s\n0,robots,8,5000\n500,vision,4,100\n");
  const std::string config =
      Write("cluster.yaml",
            "teams: {robots: {}, vision: {quota: {gpu: 4}}}\npolicies: [quota, preemption]\n");
  const Outcome outcome =
      Simulate({trace, "--nodes", "1", "--config", config, "--ablation", "-o", "json"});
  ASSERT_EQ(outcome.code, kOk) << outcome.err;
  const auto sets = nlohmann::json::parse(outcome.out)["sets"];
  ASSERT_EQ(sets.size(), 3u);
  EXPECT_THAT(sets[0]["policies"].get<std::vector<std::string>>(),
              ElementsAre("quota", "preemption"));
  EXPECT_EQ(sets[0]["preemptions"], 1);
  EXPECT_LT(sets[0]["team_wait_s"]["vision"]["mean"], 100);
  EXPECT_EQ(sets[2]["name"], "without preemption");
  EXPECT_EQ(sets[2]["preemptions"], 0);
  EXPECT_DOUBLE_EQ(sets[2]["team_wait_s"]["vision"]["mean"], 4500);

  const std::string strangers = Write("strangers.yaml", "teams: {visio: {}}\n");
  EXPECT_THAT(Simulate({trace, "--config", strangers}).err,
              AllOf(HasSubstr("job 1 of the trace"), HasSubstr("there is no team \"robots\"")));
}

TEST_F(SimulateTest, WhatTheGeneratorMakesIsWrittenAndGivesTheSameWhenRead) {
  const std::string trace = folder_ / "philly.csv";
  const Outcome made = Simulate({"--philly", "jobs=300,load=1.2,elastic=0", "--nodes", "4",
                                 "--seed", "7", "--write-trace", trace, "-o", "json"});
  EXPECT_EQ(made.code, kOk) << made.err;
  EXPECT_THAT(Read("philly.csv"), StartsWith("submit_s,team,slots,"));
  const Outcome read = Simulate({trace, "--nodes", "4", "--seed", "7", "-o", "json"});
  EXPECT_EQ(nlohmann::json::parse(made.out)["sets"], nlohmann::json::parse(read.out)["sets"]);
}

TEST_F(SimulateTest, DrawsAPictureWithEverySet) {
  const Outcome outcome = Simulate({Trace(), "--nodes", "1", "--compare", "least_attained_service",
                                    "--svg", folder_ / "out.svg"});
  EXPECT_EQ(outcome.code, kOk) << outcome.err;
  EXPECT_THAT(Read("out.svg"),
              AllOf(StartsWith("<svg "), HasSubstr(">default</text>"),
                    HasSubstr(">least_attained_service</text>"), HasSubstr("<polyline"),
                    HasSubstr("</svg>"), Not(HasSubstr("nan")), Not(HasSubstr("inf"))));
}

TEST_F(SimulateTest, MistakesAreUsageAndNameThePlace) {
  const std::string wrong = Write("wrong.csv", "submit_s,slots,duration_s\n0,none,5\n");
  const Outcome bad_trace = Simulate({wrong});
  EXPECT_EQ(bad_trace.code, kUsage);
  EXPECT_THAT(bad_trace.err, HasSubstr(wrong + ": line 2: column slots"));
  EXPECT_EQ(Simulate({folder_ / "none.csv"}).code, kNotFound);
  EXPECT_THAT(Simulate({Trace(), "--policies", "backfil"}).err, HasSubstr("did you mean backfill"));
  EXPECT_THAT(Simulate({"--philly", "job=3"}).err, HasSubstr("did you mean jobs?"));
  EXPECT_THAT(Simulate({"--philly", "saves=2"}).err, HasSubstr("saves: \"2\" is not a number"));
  EXPECT_THAT(Simulate({"--philly", "load=0"}).err, HasSubstr("load: must be more than 0"));
  EXPECT_EQ(Simulate({Trace(), "--philly", "jobs=3"}).code, kUsage);
  EXPECT_EQ(Simulate({Trace(), "--nodes", "0"}).code, kUsage);
}

}  // namespace
}  // namespace octet::client
