// Any program as a gang: what `octet run` passes through. Real processes.
#include <signal.h>

#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "tests/e2e/cluster.h"

namespace octet::e2e {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::vector<std::string> Lines(const std::string& text) {
  return absl::StrSplit(text, '\n', absl::SkipEmpty());
}

class CommandTest : public testing::Test {
 protected:
  void SetUp() override {
    cluster_.StartScheduler();
    cluster_.StartAgent("n1", 2);
    cluster_.StartAgent("n2", 2);
  }

  Outcome Run(std::vector<std::string> args, const std::string& in = "") {
    args.insert(args.begin(), "run");
    return cluster_.Octet(std::move(args), in);
  }

  Cluster cluster_;
};

TEST_F(CommandTest, EveryRankKnowsItsPlaceAndWhereRankZeroIs) {
  const Outcome run =
      Run({"--nodes", "2", "--slots", "4", "--", "sh", "-c",
           "echo $RANK/$WORLD_SIZE $LOCAL_RANK ${MASTER_PORT:+port} $OMPI_COMM_WORLD_RANK"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(Lines(run.out),
              UnorderedElementsAre("0/4 0 port 0", "1/4 1 port 1", "2/4 0 port 2", "3/4 1 port 3"));
}

TEST_F(CommandTest, TheProgramsExitCodeIsItsOwn) {
  EXPECT_EQ(Run({"--", "sh", "-c", "exit 7"}).exit_code, 7);
  const Outcome killed = Run({"--", "sh", "-c", "kill -9 $$"});
  EXPECT_EQ(killed.exit_code, 128 + SIGKILL);
}

TEST_F(CommandTest, WhatItPrintsComesOutWhereItWasPrinted) {
  const Outcome run = Run({"--", "sh", "-c", "echo out; echo err >&2"});
  EXPECT_EQ(run.out, "out\n");
  EXPECT_THAT(run.err, HasSubstr("err\n"));
}

TEST_F(CommandTest, RankZeroReadsWhatIsSent) {
  const Outcome run =
      Run({"--slots", "2", "--", "sh", "-c", "if [ $RANK = 0 ]; then cat; fi"}, "first\nsecond\n");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, "first\nsecond\n");
}

TEST_F(CommandTest, EnvironmentAndFolderArePassedOn) {
  const Outcome run =
      Run({"--env", "COLOUR=red", "--cwd", "/usr", "--", "sh", "-c", "echo $COLOUR; pwd"});
  EXPECT_THAT(Lines(run.out), testing::ElementsAre("red", "/usr"));
}

TEST_F(CommandTest, AProgramThatIsNotThereIsNamed) {
  const Outcome run = Run({"--", "no-such-program"});
  EXPECT_NE(run.exit_code, 0);
  EXPECT_THAT(run.err, HasSubstr("no-such-program"));
}

TEST_F(CommandTest, CancelledItLeavesNoDescendant) {
  const std::string mark = absl::StrCat("1", getpid(), ".25");
  const std::string id = cluster_.Submit(absl::StrCat(
      "name: sleeper\ncommand: {argv: [sh, -c, 'setsid sleep ", mark, " & sleep ", mark, "']}\n"));
  ASSERT_TRUE(Eventually([&] { return FindProcesses({"sleep", mark}).size() >= 2; }));
  cluster_.Octet({"cancel", id});
  EXPECT_EQ(cluster_.Finish(id)["state"], "JOB_STATE_CANCELLED");
  EXPECT_TRUE(Eventually([&] { return FindProcesses({"sleep", mark}).empty(); }));
}

TEST_F(CommandTest, PyTorchRunsDistributedDataParallelAsUnderTorchrun) {
  const std::string source = OCTET_SOURCE_DIR;
  const Outcome run = Run({"--nodes", "2", "--slots", "4", "--", source + "/.deps/venv/bin/python",
                           source + "/tests/e2e/ddp_sum.py"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(Lines(run.out), UnorderedElementsAre("rank 0 of 4 local 0 same weights True",
                                                   "rank 1 of 4 local 1 same weights True",
                                                   "rank 2 of 4 local 0 same weights True",
                                                   "rank 3 of 4 local 1 same weights True"))
      << run.err;
}

TEST_F(CommandTest, ArraysDependenciesAndHoldsGoTheirWay) {
  const Outcome submitted = cluster_.Octet(
      {"submit", "-"}, "name: many\ncommand: {argv: ['true']}\narray: {size: 5, max_running: 2}\n");
  EXPECT_EQ(submitted.exit_code, 0) << submitted.err;
  const std::string after = cluster_.Submit(
      "name: after\ncommand: {argv: ['true']}\nafter: [{job_id: j5}]\nhold: true\n");
  EXPECT_EQ(cluster_.Finish("j5")["state"], "JOB_STATE_SUCCEEDED");
  EXPECT_EQ(cluster_.Job(after)["state"], "JOB_STATE_PENDING");
  EXPECT_THAT(cluster_.Octet({"why", after}).out, HasSubstr("held"));
  EXPECT_EQ(cluster_.Octet({"release", after}).exit_code, 0);
  EXPECT_EQ(cluster_.Octet({"wait", after, "--for", "succeeded", "--timeout", "60s"}).exit_code, 0);
}

TEST_F(CommandTest, ADrainedNodeTakesNothingNew) {
  ASSERT_EQ(cluster_.Octet({"drain", "n1", "--reason", "fan"}).exit_code, 0);
  const Outcome run = Run({"--slots", "2", "--", "sh", "-c", "echo $OCTET_NODE"});
  EXPECT_THAT(Lines(run.out), testing::ElementsAre("n2", "n2"));
  const std::string id =
      cluster_.Submit("name: big\ncommand: {argv: ['true'], gang: {slots: 4}}\n");
  EXPECT_THAT(cluster_.Octet({"job", id}).out, HasSubstr("n1 (drained: fan)"));
  ASSERT_EQ(cluster_.Octet({"undrain", "n1"}).exit_code, 0);
  EXPECT_EQ(cluster_.Finish(id)["state"], "JOB_STATE_SUCCEEDED");
}

}  // namespace
}  // namespace octet::e2e
