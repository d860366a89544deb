// A node with jobs that wish each other ill, and what becomes of them. Real
// processes; as root also with users of their own.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/files.h"
#include "gmock/gmock.h"
#include "tests/e2e/cluster.h"
#include "worker/isolation/landlock.h"

namespace octet::e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// accounts: of the agent's command line; without root there are none.
class IsolationTest : public testing::TestWithParam<std::vector<std::string>> {
 protected:
  void SetUp() override {
    setenv("OCTET_TEST_SECRET", "of-the-agent", 1);
    chmod(cluster_.dir().c_str(), 0711);
    WriteBars(cluster_.dir() + "/data", 256, 64);
    std::vector<std::string> flags = {
        "--isolation", "standard",    "--memory-per-slot",      "400M",        "--disk-per-slot",
        "64M",         "--data-root", cluster_.dir() + "/data", "--data-root", OCTET_DEPS_FOLDER};
    for (const std::string& account : GetParam())
      if (geteuid() == 0) flags.insert(flags.end(), {"--account", account});
    cluster_.StartScheduler();
    cluster_.StartAgent("n1", 4, flags);
    unsetenv("OCTET_TEST_SECRET");
    neighbour_ =
        SubmitScript("blue", "echo hidden > secret; while [ ! -e stop ]; do sleep 0.05; done");
    ASSERT_TRUE(Eventually([&] { return Read(neighbour_, "secret") == "hidden\n"; }));
  }

  // The neighbour has noticed nothing.
  void TearDown() override {
    std::ofstream(JobFile(neighbour_, "stop")) << "\n";
    const auto job = cluster_.Finish(neighbour_);
    EXPECT_EQ(job["state"], "JOB_STATE_SUCCEEDED") << job.dump(1);
    EXPECT_EQ(job["attempts"].size(), 1u) << job.dump(1);
  }

  std::string SubmitScript(const std::string& team, const std::string& script) {
    nlohmann::json spec = {{"name", "script"},
                           {"kind", "command"},
                           {"team", team},
                           {"max_restarts", 0},
                           {"command", {{"argv", {"sh", "-c", script}}}}};
    return cluster_.Submit(spec.dump());
  }
  // As another team than the neighbour.
  nlohmann::json Run(const std::string& script) {
    const auto job = cluster_.Finish(SubmitScript("red", script));
    log_ = cluster_.Octet({"logs", job.value("job_id", "")}).out;
    return job;
  }
  nlohmann::json Fail(const std::string& script, const std::string& cause) {
    nlohmann::json job = Run(script);
    EXPECT_EQ(job["state"], "JOB_STATE_FAILED") << job.dump(1);
    EXPECT_EQ(job["failure"].value("cause", ""), cause) << job.dump(1) << log_;
    return job;
  }
  static std::string MessageOf(const nlohmann::json& job) {
    return job["failure"].value("message", "");
  }
  std::string JobFile(const std::string& job, const std::string& name) {
    return absl::StrCat(cluster_.dir(), "/n1/jobs/", job, "/", name);
  }
  std::string Read(const std::string& job, const std::string& name) {
    return ReadFile(JobFile(job, name)).value_or("");
  }

  Cluster cluster_;
  std::string neighbour_;
  std::string log_;  // Of the last job that was run.
};

TEST_P(IsolationTest, AnotherTeamsFilesAreNotRead) {
  const auto job = Fail(absl::StrCat("cat ../", neighbour_, "/secret"), "not_allowed");
  EXPECT_THAT(MessageOf(job), AllOf(HasSubstr("not allowed"), HasSubstr("Permission denied")));
  EXPECT_THAT(log_, Not(HasSubstr("hidden")));
}

TEST_P(IsolationTest, ASymbolicLinkLeadsOutOfNoFolder) {
  const auto job = Fail(absl::StrCat("ln -s ../", neighbour_, " door; cat door/secret; ",
                                     "echo stop > door/stop || echo not written; cat door/secret"),
                        "not_allowed");
  EXPECT_THAT(log_, AllOf(Not(HasSubstr("hidden")), HasSubstr("not written")));
}

TEST_P(IsolationTest, WhatForksAwayIsFoundAndEnds) {
  const auto job =
      Run("setsid env -i /bin/sh -c '(sleep 1000 & echo $! > escaped)' & "
          "while [ ! -s escaped ]; do sleep 0.05; done; echo left >&2; exit 3");
  EXPECT_EQ(job["failure"].value("cause", ""), "program_error") << job.dump(1);
  const pid_t escaped = std::atoi(Read(job.value("job_id", ""), "escaped").c_str());
  ASSERT_GT(escaped, 0) << log_;
  EXPECT_FALSE(IsAlive(escaped));
}

TEST_P(IsolationTest, WhatForksAwayStillCounts) {
  const auto job =
      Fail("setsid env -i /bin/sh -c '(tail /dev/zero &)' & sleep 1000", "out_of_memory");
  EXPECT_THAT(MessageOf(job), HasSubstr("400 MiB"));
}

TEST_P(IsolationTest, FillingItsMemoryEndsItWithItsLimit) {
  const auto job = Fail("tail /dev/zero", "out_of_memory");
  EXPECT_EQ(job["failure"]["failure_class"], "FAILURE_CLASS_OUT_OF_MEMORY") << job.dump(1);
  EXPECT_THAT(MessageOf(job), HasSubstr("400 MiB"));
  EXPECT_THAT(cluster_.Octet({"job", job.value("job_id", "")}).out, HasSubstr("400 MiB"));
}

TEST_P(IsolationTest, FillingItsDiskEndsItWithItsLimit) {
  const auto job = Fail(
      "i=0; while :; do head -c 8M /dev/zero > f$i; i=$((i + 1)); sleep 0.05; done", "over_limit");
  EXPECT_THAT(MessageOf(job), AllOf(HasSubstr(absl::StrCat("job ", job.value("job_id", ""))),
                                    HasSubstr("its limit is 64 MiB")));
}

TEST_P(IsolationTest, NoFileIsLargerThanItsDisk) {
  const auto job = Fail("exec head -c 1G /dev/zero > big", "over_limit");
  EXPECT_THAT(MessageOf(job), HasSubstr("SIGXFSZ"));
}

TEST_P(IsolationTest, AFolderThatTheNodeDoesNotOpenIsNamed) {
  const Outcome run = cluster_.Octet({"run", "--team", "red", "--cwd", cluster_.dir(), "--", "ls"});
  EXPECT_NE(run.exit_code, 0);
  EXPECT_THAT(run.err, AllOf(HasSubstr(cluster_.dir()), HasSubstr("--work-root")));
}

TEST_P(IsolationTest, TheAgentsSecretsStayWithIt) {
  const Outcome run = cluster_.Octet({"run", "--team", "red", "--cwd", "/usr", "--", "env"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("TMPDIR="), Not(HasSubstr("of-the-agent"))));
}

// Asks only whether it could: it would be a bad way to find out.
TEST_P(IsolationTest, NobodyElsesProcessesAreSignalled) {
  if (isolation::LandlockVersion() < isolation::kLandlockScopes && GetParam().size() == 1)
    GTEST_SKIP() << "this kernel lets processes of one user signal each other";
  Run("for p in /proc/[0-9]*; do p=${p#/proc/}; case $p in $$|$PPID) continue;; esac; "
      "kill -0 $p 2>/dev/null && echo could signal $p; done; echo tried all");
  EXPECT_THAT(log_, AllOf(HasSubstr("tried all"), Not(HasSubstr("could"))));
}

TEST_P(IsolationTest, ATrainingReadsItsDataAndStoresItsModel) {
  const auto job = cluster_.Finish(cluster_.Submit(
      absl::StrCat("team: red\n", TrainJob(cluster_.dir() + "/data", /*slots=*/2, 1))));
  EXPECT_EQ(job["state"], "JOB_STATE_SUCCEEDED") << job.dump(1);
  EXPECT_THAT(cluster_.Octet({"artifacts", job.value("job_id", "")}).out, HasSubstr("model.onnx"));
}

INSTANTIATE_TEST_SUITE_P(All, IsolationTest,
                         testing::Values(std::vector<std::string>{"red=games", "*=daemon"},
                                         std::vector<std::string>{"*=daemon"}),
                         [](const auto& info) {
                           return info.param.size() > 1 ? "UserForEachTeam" : "OneUserForAll";
                         });

}  // namespace
}  // namespace octet::e2e
