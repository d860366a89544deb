// What a user reads when something is wrong, and that nothing is lost by it.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/files.h"
#include "gmock/gmock.h"
#include "tests/e2e/one_node.h"

namespace octet::e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr int kUsage = 2, kUnreachable = 3, kNotFound = 4, kRefused = 5;

class BadInputTest : public OneNodeTest {
 protected:
  static Outcome Submit(const std::string& yaml) { return cluster_->Octet({"submit", "-"}, yaml); }
  static std::string Job() { return TrainJob(Data(), 2, 1); }
  static std::string Replaced(const std::string& from, const std::string& to) {
    EXPECT_THAT(Job(), HasSubstr(from));
    return absl::StrReplaceAll(Job(), {{from, to}});
  }
};

TEST_F(BadInputTest, UnknownFieldIsNamedWithItsPlaceAndTheNearestName) {
  const Outcome outcome = Submit(Replaced("epochs", "epoch"));
  EXPECT_EQ(outcome.exit_code, kUsage);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr(":7:3:"), HasSubstr("\"epoch\""), HasSubstr("epochs")));
}

TEST_F(BadInputTest, MistypedValueIsNamedWithItsPlace) {
  const Outcome outcome = Submit(Replaced("epochs: 1", "epochs: many"));
  EXPECT_EQ(outcome.exit_code, kUsage);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr(":7:"), HasSubstr("train.epochs"), HasSubstr("many")));
}

TEST_F(BadInputTest, ModelThatDoesNotExistIsNamedWithTheNearest) {
  const Outcome outcome = Submit(Replaced("name: cnn", "name: mobilenet_v3"));
  EXPECT_EQ(outcome.exit_code, kUsage);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("mobilenet_v3"), HasSubstr("mobilenet_v2")));
}

TEST_F(BadInputTest, TargetThatDoesNotExistIsNamedWithTheNearest) {
  const Outcome outcome = Submit(Job() + "export: {targets: [coral-edgetpus]}\n");
  EXPECT_EQ(outcome.exit_code, kUsage);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("coral-edgetpus"), HasSubstr("coral-edgetpu?")));
}

TEST_F(BadInputTest, MoreSlotsThanTheClusterHasCanNeverRunAndIsRefused) {
  const Outcome outcome = Submit(Replaced("slots: 2", "slots: 64"));
  EXPECT_EQ(outcome.exit_code, kRefused);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("64"), HasSubstr("2")));
}

TEST_F(BadInputTest, MissingDatasetIsRefusedAtSubmitWithItsPath) {
  const Outcome outcome = Submit(Replaced(Data(), "/nowhere/data"));
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("/nowhere/data"));
}

TEST_F(BadInputTest, TruncatedDatasetFailsTheJobByNameAndNotTheNode) {
  const std::string broken = cluster_->dir() + "/truncated";
  std::filesystem::copy(Data(), broken);
  std::filesystem::resize_file(broken + "/train-images-idx3-ubyte", 5000);
  const Outcome outcome = cluster_->Octet({"submit", "-", "--wait"}, Replaced(Data(), broken));
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err + outcome.out, HasSubstr("truncated/train-images-idx3-ubyte"));
  EXPECT_EQ(cluster_->Octet({"submit", "-", "--wait"}, Job()).exit_code, 0);
}

TEST_F(BadInputTest, CorruptDatasetIsNamed) {
  const std::string broken = cluster_->dir() + "/corrupt";
  std::filesystem::copy(Data(), broken);
  std::fstream(broken + "/train-images-idx3-ubyte", std::ios::in | std::ios::out | std::ios::binary)
      << "not an IDX file";
  const Outcome outcome = cluster_->Octet({"submit", "-", "--wait"}, Replaced(Data(), broken));
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err + outcome.out, HasSubstr("corrupt/train-images-idx3-ubyte"));
}

TEST_F(BadInputTest, JobThatDoesNotExistIsNotFound) {
  const Outcome outcome = cluster_->Octet({"job", "j99999"});
  EXPECT_EQ(outcome.exit_code, kNotFound);
  EXPECT_THAT(outcome.err, HasSubstr("j99999"));
}

TEST_F(BadInputTest, DryRunStoresNothing) {
  const std::string before = cluster_->Octet({"jobs", "-o", "json"}).out;
  EXPECT_EQ(cluster_->Octet({"submit", "-", "--dry-run"}, Job()).exit_code, 0);
  EXPECT_EQ(cluster_->Octet({"submit", "-", "--dry-run"}, Replaced("cnn", "vgg")).exit_code,
            kUsage);
  EXPECT_EQ(cluster_->Octet({"jobs", "-o", "json"}).out, before);
}

TEST_F(BadInputTest, SameRequestIdIsOneJob) {
  const auto submit = [&] {
    return cluster_->Octet({"submit", "-", "--request-id", "once", "-o", "json"}, Job());
  };
  const auto first = nlohmann::json::parse(submit().out),
             second = nlohmann::json::parse(submit().out);
  EXPECT_EQ(first["job_id"], second["job_id"]);
}

TEST_F(BadInputTest, UnreachableSchedulerIsExitThreeWithinFiveSeconds) {
  const std::string tls = cluster_->dir() + "/tls";
  ASSERT_EQ(cluster_->Octet({"ca", "init", "--dir", tls}).exit_code, 0);
  setenv("OCTET_CA_FILE", (tls + "/ca.crt").c_str(), 1);
  setenv("OCTET_TOKEN_FILE", (tls + "/ca.crt").c_str(), 1);  // Nobody reads it.
  for (const char* server : {"unix:/tmp/octet-nobody.sock", "127.0.0.1:1"}) {
    const Outcome outcome = cluster_->Octet({"--server", server, "jobs"});
    EXPECT_EQ(outcome.exit_code, kUnreachable) << outcome.err;
    EXPECT_LT(outcome.took, absl::Seconds(5.5));
    EXPECT_THAT(outcome.err, AllOf(HasSubstr(server), HasSubstr("--server")));
  }
  unsetenv("OCTET_CA_FILE");
  unsetenv("OCTET_TOKEN_FILE");
}

TEST_F(BadInputTest, AHostWithoutItsAuthorityIsRefusedWithTheWayOut) {
  const Outcome outcome = cluster_->Octet({"--server", "127.0.0.1:1", "jobs"});
  EXPECT_EQ(outcome.exit_code, kRefused);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("OCTET_CA_FILE"), HasSubstr("octet login")));
}

TEST(UpTest, SecondUpOnADirectoryIsRefusedAndTheFirstGoesOn) {
  Cluster empty;
  ASSERT_EQ(empty.Octet({"up", "--cpu-slots", "1"}).exit_code, 0);
  const Outcome second = empty.Octet({"up", "--cpu-slots", "1"});
  EXPECT_EQ(second.exit_code, kRefused);
  EXPECT_THAT(second.err, AllOf(HasSubstr("running"), HasSubstr("octet down")));
  EXPECT_EQ(empty.Octet({"nodes"}).exit_code, 0);
  EXPECT_EQ(empty.Octet({"down"}).exit_code, 0);
  EXPECT_TRUE(FindProcesses({empty.dir()}).empty());
}

TEST(UpTest, PortInUseIsNamedAndNothingStaysBehind) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  const std::string port = absl::StrCat(ntohs(address.sin_port));

  Cluster empty;
  const Outcome up =
      empty.Octet({"up", "--cpu-slots", "1", "--metrics", absl::StrCat("127.0.0.1:", port)});
  EXPECT_NE(up.exit_code, 0);
  EXPECT_THAT(up.err, AllOf(HasSubstr(port), HasSubstr("in use")));
  EXPECT_TRUE(FindProcesses({empty.dir()}).empty());
  close(listener);
}

}  // namespace
}  // namespace octet::e2e
