#include "worker/agent/fetcher.h"

#include <filesystem>
#include <thread>

#include "common/files.h"
#include "common/sha256.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/temp_folder.h"
#include "tests/worker/agent/fake_scheduler.h"
#include "worker/agent/session.h"

namespace octet::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kName[] = "checkpoints/step-00000002.safetensors";

class FetcherTest : public ::testing::Test {
 protected:
  FetcherTest() : bytes_(10000, 'x') {
    for (size_t i = 0; i < bytes_.size(); ++i) bytes_[i] = static_cast<char>('a' + i * i % 23);
    scheduler_.ChangeRecord(
        [&](FakeScheduler::Record& record) { record.artifacts[kName] = bytes_; });
    EXPECT_TRUE(MakeFolders(folder_ / "job").ok());
    scheduler_.Up();
  }

  absl::Status Fetch(const std::string& name = kName) {
    return FetchArtifacts(DialScheduler(scheduler_.address(), grpc::InsecureChannelCredentials()),
                          "j1", {name}, {folder_ / "job", folder_ / "parts", std::nullopt},
                          &cancellation_);
  }
  std::string Part() const {
    return folder_ / "parts/" + Sha256Hex(bytes_).substr(0, 16) + ".part";
  }

  TempFolder folder_;
  FakeScheduler scheduler_{folder_ / "scheduler.sock"};
  Cancellation cancellation_;
  std::string bytes_;
};

TEST_F(FetcherTest, FetchesWhatIsMissing) {
  const absl::Status status = Fetch();
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(*ReadFile(folder_ / "job/" + kName), bytes_);
  EXPECT_EQ(ReadFile(Part()).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(FetcherTest, LeavesWhatIsThereAndRight) {
  ASSERT_TRUE(WriteFileAtomic(folder_ / "job/" + kName, bytes_).ok());
  ASSERT_TRUE(Fetch().ok());
  EXPECT_THAT(scheduler_.record().read_offsets, IsEmpty());
}

TEST_F(FetcherTest, ReplacesWhatIsThereAndWrong) {
  std::string wrong = bytes_;
  wrong[5000] ^= 1;
  ASSERT_TRUE(WriteFileAtomic(folder_ / "job/" + kName, wrong).ok());
  ASSERT_TRUE(Fetch().ok());
  EXPECT_EQ(*ReadFile(folder_ / "job/" + kName), bytes_);
}

TEST_F(FetcherTest, FollowsNoLinkThatAJobLeftInItsWay) {
  ASSERT_TRUE(WriteFileAtomic(folder_ / "elsewhere/kept", "of another team").ok());
  std::filesystem::create_symlink(folder_ / "elsewhere", folder_ / "job/checkpoints");
  EXPECT_EQ(Fetch().code(), absl::StatusCode::kPermissionDenied);
  std::filesystem::remove(folder_ / "job/checkpoints");
  ASSERT_TRUE(MakeFolders(folder_ / "job/checkpoints").ok());
  std::filesystem::create_symlink(folder_ / "elsewhere/kept", folder_ / "job/" + kName);
  ASSERT_TRUE(Fetch().ok());
  EXPECT_EQ(*ReadFile(folder_ / "job/" + kName), bytes_);
  EXPECT_EQ(*ReadFile(folder_ / "elsewhere/kept"), "of another team");
}

TEST_F(FetcherTest, GoesOnWhereABrokenDownloadWas) {
  scheduler_.Configure([](FakeScheduler::Behaviour& behaviour) { behaviour.fail_reads_after = 3; });
  ASSERT_TRUE(Fetch().ok());
  EXPECT_EQ(*ReadFile(folder_ / "job/" + kName), bytes_);
  EXPECT_THAT(scheduler_.record().read_offsets, ElementsAre(0, 3 * 1024));
}

TEST_F(FetcherTest, GoesOnWhereAnEarlierLifeWas) {
  ASSERT_TRUE(WriteFileAtomic(Part(), bytes_.substr(0, 4000)).ok());
  ASSERT_TRUE(Fetch().ok());
  EXPECT_EQ(*ReadFile(folder_ / "job/" + kName), bytes_);
  EXPECT_THAT(scheduler_.record().read_offsets, ElementsAre(4000));
}

TEST_F(FetcherTest, StartsAgainWhenAnEarlierLifeLeftRubbish) {
  ASSERT_TRUE(WriteFileAtomic(Part(), std::string(4000, '?')).ok());
  ASSERT_TRUE(Fetch().ok());
  EXPECT_EQ(*ReadFile(folder_ / "job/" + kName), bytes_);
  EXPECT_THAT(scheduler_.record().read_offsets, ElementsAre(4000, 0));
}

TEST_F(FetcherTest, MissingArtifactIsNotFoundAndNamed) {
  const absl::Status status = Fetch("model.onnx");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("model.onnx"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("j1"));
}

TEST_F(FetcherTest, WaitsForAnAbsentSchedulerUntilCancelled) {
  scheduler_.Down();
  absl::Status status;
  std::thread fetcher([&] { status = Fetch(); });
  cancellation_.Cancel();
  fetcher.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
}

TEST_F(FetcherTest, ADiskThatCannotBeWrittenIsNotWaitedFor) {
  ASSERT_TRUE(MakeFolders(Part()).ok());  // In the way.
  EXPECT_THAT(std::string(Fetch().message()), HasSubstr(Part()));
}

}  // namespace
}  // namespace octet::agent
