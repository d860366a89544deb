// What examples/ shows is true.
#include <filesystem>

#include "common/files.h"
#include "gtest/gtest.h"
#include "tests/e2e/cluster.h"

namespace octet::e2e {
namespace {

namespace fs = std::filesystem;

TEST(ExamplesTest, EveryJobFileIsAcceptedByAClusterWithTheExamplesSettings) {
  const std::string folder = OCTET_SOURCE_DIR "/examples";
  Cluster cluster;
  cluster.StartScheduler(*ReadFile(folder + "/cluster.yaml"));
  cluster.StartAgent("n1", 8);
  int files = 0;
  for (const auto& file : fs::directory_iterator(folder)) {
    if (file.path().filename() == "cluster.yaml") continue;
    const std::string job = "team: vision\n" + *ReadFile(file.path());
    const Outcome outcome = cluster.Octet({"submit", "--dry-run", "-"}, job);
    EXPECT_EQ(outcome.exit_code, 0) << file.path() << ": " << outcome.err;
    ++files;
  }
  EXPECT_GE(files, 3);
}

}  // namespace
}  // namespace octet::e2e
