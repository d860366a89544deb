// A job that was answered is there, whatever happens next.
#include <cstdlib>
#include <fstream>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/files.h"
#include "gtest/gtest.h"
#include "tests/e2e/cluster.h"

namespace octet::e2e {
namespace {

constexpr int kClients = 4, kSubmits = 50;

// The ids in what `octet submit` printed: "job j1 submitted".
std::vector<std::string> Answered(const std::string& dir) {
  std::vector<std::string> ids;
  for (int client = 0; client < kClients; ++client)
    for (const absl::string_view line :
         absl::StrSplit(ReadFile(absl::StrCat(dir, "/answered.", client)).value_or(""), '\n')) {
      const std::vector<std::string> words = absl::StrSplit(line, ' ');
      if (words.size() == 3 && words[2] == "submitted") ids.push_back(words[1]);
    }
  return ids;
}

TEST(DurabilityTest, AKilledSchedulerHasEveryJobThatItAnswered) {
  Cluster cluster;
  cluster.StartScheduler();
  const std::string dir = cluster.dir();
  std::ofstream(dir + "/job.yaml") << "name: kept\ncommand: {argv: ['true']}\n";
  std::vector<std::thread> clients;
  for (int client = 0; client < kClients; ++client)
    clients.emplace_back([=] {
      const std::string loop =
          absl::StrCat("for i in $(seq ", kSubmits, "); do ", OCTET_BIN_DIR, "/octet submit ", dir,
                       "/job.yaml; done > ", dir, "/answered.", client, " 2> /dev/null");
      // The last submit may have come when there was no scheduler.
      EXPECT_NE(std::system(loop.c_str()), -1);
    });
  for (const size_t answers : {20, 70, 120}) {
    EXPECT_TRUE(Eventually([&] { return Answered(dir).size() >= answers; }));
    cluster.KillScheduler();
    cluster.StartScheduler();
  }
  for (std::thread& client : clients) client.join();

  const std::vector<std::string> answered = Answered(dir);
  std::set<std::string> stored;
  const auto jobs = nlohmann::json::parse(cluster.Octet({"jobs", "-n", "1000", "-o", "json"}).out);
  for (const auto& job : jobs) stored.insert(job.value("job_id", ""));
  EXPECT_GE(answered.size(), 120u);
  EXPECT_EQ(std::set<std::string>(answered.begin(), answered.end()).size(), answered.size())
      << "no two answers are of one job";
  for (const std::string& id : answered) EXPECT_TRUE(stored.contains(id)) << id;
}

}  // namespace
}  // namespace octet::e2e
