// What is made to go wrong is called by its name in the job that failed.
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "tests/e2e/one_node.h"

namespace octet::e2e {
namespace {

using testing::HasSubstr;

class CauseTest : public OneNodeTest {
 protected:
  // A job that runs `script` and is not started again.
  static std::string Command(const std::string& script, const std::string& more = "") {
    return absl::StrCat("name: c\nkind: command\nmax_restarts: 0\n", more,
                        "command: {argv: [sh, -c, \"", script, "\"]}\n");
  }
  // The failure that the job ends with.
  static nlohmann::json FailureOf(const std::string& job_file) {
    const auto job = cluster_->Finish(cluster_->Submit(job_file));
    EXPECT_EQ(job["state"], "JOB_STATE_FAILED") << job.dump(1);
    return job.value("failure", nlohmann::json::object());
  }
  static void ExpectFailure(const std::string& job_file, const std::string& failure_class,
                            const std::string& cause, const std::string& words) {
    const auto failure = FailureOf(job_file);
    EXPECT_EQ(failure["failure_class"], "FAILURE_CLASS_" + failure_class) << failure.dump(1);
    EXPECT_EQ(failure["cause"], cause);
    EXPECT_THAT(failure["message"].get<std::string>(), HasSubstr(words));
    EXPECT_EQ(failure["node"], failure_class == "TIME_LIMIT" ? "" : "n1");
  }
};

TEST_F(CauseTest, OutOfMemory) {
  ExpectFailure(Command("ulimit -v 100000; exec tail /dev/zero"), "OUT_OF_MEMORY", "out_of_memory",
                "out of memory: ");
}

TEST_F(CauseTest, Crash) {
  ExpectFailure(Command("kill -SEGV $$"), "RANK_LOST", "crash", "crash: ");
}

TEST_F(CauseTest, WrongCommand) {
  ExpectFailure(Command("trian --epochs 3"), "JOB", "wrong_command", "wrong command: ");
}

TEST_F(CauseTest, TimeLimit) {
  ExpectFailure(Command("sleep 1000", "time_limit: 1s\n"), "TIME_LIMIT", "time_limit",
                "time limit");
}

TEST_F(CauseTest, ALossThatIsNotANumber) {
  const std::string job = absl::StrReplaceAll(TrainJob(Data(), 2, 4),
                                              {{"width_multiplier: 0.25", "batch_norm: false"}});
  ExpectFailure(job + "  optimizer: {sgd: {learning_rate: 1000}}\n", "BAD_DATA", "nan",
                "the loss became");
}

TEST_F(CauseTest, ADamagedDataset) {
  const std::string broken = cluster_->dir() + "/broken";
  std::filesystem::copy(Data(), broken);
  std::filesystem::resize_file(broken + "/train-images-idx3-ubyte", 5000);
  ExpectFailure(TrainJob(broken, 2, 1), "BAD_DATA", "bad_data", "broken/train-images-idx3-ubyte");
}

}  // namespace
}  // namespace octet::e2e
