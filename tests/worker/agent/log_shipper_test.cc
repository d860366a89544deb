#include "worker/agent/log_shipper.h"

#include <fstream>

#include "common/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/temp_folder.h"
#include "tests/worker/agent/fake_scheduler.h"
#include "worker/agent/session.h"

namespace octet::agent {
namespace {

class LogShipperTest : public ::testing::Test {
 protected:
  LogShipperTest() { scheduler_.Up(); }

  std::unique_ptr<LogShipper> Ship() {
    v1::AttemptRef ref;
    ref.set_job_id("j1");
    ref.set_attempt(1);
    return std::make_unique<LogShipper>(
        DialScheduler(scheduler_.address(), grpc::InsecureChannelCredentials()), ref,
        std::vector<LogFile>{{0, "stdout", folder_ / "out"}, {0, "stderr", folder_ / "err"}});
  }
  std::unique_ptr<LogShipper> Follow() {
    auto shipper = Ship();
    shipper->Follow();
    return shipper;
  }
  void Append(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::app) << text;
  }
  bool Arrives(const std::string& log, const std::string& text) {
    return scheduler_.WaitUntil([&](const FakeScheduler::Record& record) {
      auto found = record.logs.find(log);
      return found != record.logs.end() && found->second == text;
    });
  }

  TempFolder folder_;
  FakeScheduler scheduler_{folder_ / "scheduler.sock"};
};

TEST_F(LogShipperTest, ShipsWhileTheRankWrites) {
  auto shipper = Follow();
  Append("out", "one\n");
  EXPECT_TRUE(Arrives("0.stdout", "one\n"));
  Append("out", "two\n");
  Append("err", "oops\n");
  EXPECT_TRUE(Arrives("0.stdout", "one\ntwo\n"));
  EXPECT_TRUE(Arrives("0.stderr", "oops\n"));
}

TEST_F(LogShipperTest, FinishShipsEverythingInPieces) {
  const std::string large(600 << 10, 'x');
  auto shipper = Ship();
  Append("out", large);
  Append("err", "last words");
  shipper->Finish();
  const auto record = scheduler_.record();
  EXPECT_EQ(record.logs.at("0.stdout"), large);
  EXPECT_EQ(record.logs.at("0.stderr"), "last words");
}

TEST_F(LogShipperTest, ShipsNothingBeforeItIsToldTo) {
  Append("out", "one\n");
  auto shipper = Ship();
  EXPECT_TRUE(scheduler_.record().logs.empty());
  shipper->Follow();
  EXPECT_TRUE(Arrives("0.stdout", "one\n"));
  Append("out", "two\n");
  shipper->Finish();
  EXPECT_EQ(scheduler_.record().logs.at("0.stdout"), "one\ntwo\n");
}

TEST_F(LogShipperTest, GoesOnWhereTheSchedulerIs) {
  scheduler_.ChangeRecord([](FakeScheduler::Record& record) { record.logs["0.stdout"] = "abc"; });
  Append("out", "abcdef");
  auto shipper = Follow();
  EXPECT_TRUE(Arrives("0.stdout", "abcdef"));
  // The scheduler comes back with less than it had.
  scheduler_.ChangeRecord([](FakeScheduler::Record& record) { record.logs["0.stdout"] = "ab"; });
  Append("out", "ghi");
  shipper->Finish();
  EXPECT_EQ(scheduler_.record().logs.at("0.stdout"), "abcdefghi");
}

TEST_F(LogShipperTest, OutlastsAnAbsentScheduler) {
  auto shipper = Follow();
  Append("out", "before ");
  EXPECT_TRUE(Arrives("0.stdout", "before "));
  scheduler_.Down();
  Append("out", "meanwhile ");
  scheduler_.Up();
  EXPECT_TRUE(Arrives("0.stdout", "before meanwhile "));
}

TEST_F(LogShipperTest, GivesUpWhenAbandoned) {
  scheduler_.Down();
  Append("out", "never heard");
  auto shipper = Ship();
  shipper->Abandon();
  shipper->Finish();
  EXPECT_TRUE(scheduler_.record().logs.empty());
}

}  // namespace
}  // namespace octet::agent
