#include "client/command_table.h"

#include "gmock/gmock.h"
#include "tests/client/fake_scheduler.h"

namespace octet::client {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

Outcome Octet(const std::vector<std::string>& args) { return FakeScheduler().Octet(args); }

TEST(ExitCodeTest, EveryErrorHasItsCode) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCodeOf(absl::InternalError("")), 1);
  EXPECT_EQ(ExitCodeOf(absl::DataLossError("")), 1);
  EXPECT_EQ(ExitCodeOf(absl::InvalidArgumentError("")), 2);
  EXPECT_EQ(ExitCodeOf(absl::UnavailableError("")), 3);
  EXPECT_EQ(ExitCodeOf(absl::DeadlineExceededError("")), 3);
  EXPECT_EQ(ExitCodeOf(absl::NotFoundError("")), 4);
  EXPECT_EQ(ExitCodeOf(absl::FailedPreconditionError("")), 5);
  EXPECT_EQ(ExitCodeOf(absl::PermissionDeniedError("")), 5);
  EXPECT_EQ(ExitCodeOf(absl::UnauthenticatedError("")), 5);
  EXPECT_EQ(ExitCodeOf(absl::AlreadyExistsError("")), 5);
  EXPECT_EQ(ExitCodeOf(absl::ResourceExhaustedError("")), 5);
}

TEST(CommandTableTest, MistypedCommandIsUsageAndNamesTheNearest) {
  const Outcome outcome = Octet({"sbmit", "job.yaml", "--wait"});
  EXPECT_EQ(outcome.code, kUsage);
  EXPECT_EQ(outcome.err, "octet: there is no command \"sbmit\"; did you mean submit?\n");
}

TEST(CommandTableTest, WrongOptionsAreUsageAndNameTheCommandsHelp) {
  for (const std::vector<std::string>& args :
       {std::vector<std::string>{"jobs", "--bogus"}, {"jobs", "-n", "0"}, {"jobs", "-o", "xml"}}) {
    const Outcome outcome = Octet(args);
    EXPECT_EQ(outcome.code, kUsage) << outcome.err;
    EXPECT_THAT(outcome.err, AllOf(StartsWith("octet: "), HasSubstr("`octet jobs --help`")));
  }
  EXPECT_EQ(Octet({"job"}).code, kUsage);
  EXPECT_EQ(Octet({}).code, kUsage);
}

TEST(CommandTableTest, HelpAndVersionGoToStandardOutput) {
  const Outcome help = Octet({"--help"});
  EXPECT_EQ(help.code, kOk);
  EXPECT_THAT(help.out, AllOf(HasSubstr("submit"), HasSubstr("download"), HasSubstr("explain")));
  EXPECT_THAT(Octet({"submit", "--help"}).out, HasSubstr("--dry-run"));
  EXPECT_THAT(Octet({"version"}).out, StartsWith("octet "));
  EXPECT_EQ(Octet({"version"}).out, Octet({"--version"}).out);
}

TEST(CommandTableTest, GlobalOptionsStandBeforeOrAfterTheCommand) {
  FakeScheduler scheduler;
  scheduler.list = [](const v1::ListJobsRequest&, v1::ListJobsResponse*) {
    return grpc::Status::OK;
  };
  EXPECT_EQ(scheduler.Octet({"-o", "json", "jobs"}).out, "[]\n");
  EXPECT_EQ(scheduler.Octet({"jobs", "-o", "json"}).out, "[]\n");
}

}  // namespace
}  // namespace octet::client
