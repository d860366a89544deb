#include "worker/agent/uploader.h"

#include <filesystem>

#include "common/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/temp_folder.h"
#include "tests/worker/agent/fake_scheduler.h"
#include "worker/agent/session.h"

namespace octet::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr size_t kMiB = 1 << 20;

v1::FileReady FileAt(const std::string& path, int64_t checkpoint_step = 0) {
  v1::FileReady file;
  file.set_path(path);
  file.set_artifact(path);
  file.set_checkpoint_step(checkpoint_step);
  return file;
}

class UploaderTest : public ::testing::Test {
 protected:
  UploaderTest() {
    v1::AttemptRef ref;
    ref.set_job_id("j1");
    ref.set_attempt(1);
    scheduler_.Up();
    uploader_ = std::make_unique<Uploader>(
        DialScheduler(scheduler_.address(), grpc::InsecureChannelCredentials()), ref,
        folder_.path(), [this](const v1::FileReady& file) { stored_.push_back(file.artifact()); });
  }

  void Write(const std::string& name, const std::string& bytes) {
    ASSERT_TRUE(WriteFileAtomic(folder_ / name, bytes).ok());
  }
  absl::Status Finish() { return uploader_->Finish(absl::Minutes(1)); }

  TempFolder folder_;
  FakeScheduler scheduler_{folder_ / "scheduler.sock"};
  std::vector<std::string> stored_;  // The uploader's thread's, read after Finish.
  std::unique_ptr<Uploader> uploader_;
};

TEST_F(UploaderTest, StoresFilesInOrderAndSaysSo) {
  const std::string large(2 * kMiB + 5, 'x');
  Write("large", large);
  Write("empty", "");
  uploader_->Add(FileAt("large"));
  uploader_->Add(FileAt("empty"));
  const absl::Status status = Finish();
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(stored_, ElementsAre("large", "empty"));
  const auto record = scheduler_.record();
  EXPECT_EQ(record.artifacts.at("large"), large);
  EXPECT_EQ(record.artifacts.at("empty"), "");
  EXPECT_THAT(record.upload_offsets, ElementsAre(0, kMiB, 2 * kMiB));
}

TEST_F(UploaderTest, GoesOnWhereABrokenUploadWas) {
  const std::string bytes(kMiB + 5, 'x');
  Write("file", bytes);
  scheduler_.ChangeRecord(
      [&](FakeScheduler::Record& record) { record.uploads["file"] = bytes.substr(0, 1000); });
  uploader_->Add(FileAt("file"));
  ASSERT_TRUE(Finish().ok());
  EXPECT_EQ(scheduler_.record().artifacts.at("file"), bytes);
  EXPECT_THAT(scheduler_.record().upload_offsets, ElementsAre(1000));
}

TEST_F(UploaderTest, StartsAgainWhenTheStoreFindsAnotherHash) {
  Write("file", "right");
  scheduler_.ChangeRecord([](FakeScheduler::Record& record) { record.uploads["file"] = "wrong"; });
  uploader_->Add(FileAt("file"));
  ASSERT_TRUE(Finish().ok());
  EXPECT_EQ(scheduler_.record().artifacts.at("file"), "right");
}

TEST_F(UploaderTest, OutlastsAnAbsentScheduler) {
  scheduler_.Down();
  Write("file", "bytes");
  uploader_->Add(FileAt("file"));
  EXPECT_EQ(uploader_->Finish(absl::ZeroDuration()).code(), absl::StatusCode::kDeadlineExceeded);
  scheduler_.Up();
  ASSERT_TRUE(Finish().ok());
  EXPECT_EQ(scheduler_.record().artifacts.at("file"), "bytes");
}

TEST_F(UploaderTest, ARefusalIsKeptAndTheRestGoesOn) {
  Write("second", "bytes");
  uploader_->Add(FileAt("absent"));
  uploader_->Add(FileAt("second"));
  const absl::Status status = Finish();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("cannot store absent"));
  EXPECT_THAT(stored_, ElementsAre("second"));
}

TEST_F(UploaderTest, NoLinkOfTheJobsIsFollowed) {
  const TempFolder elsewhere;
  ASSERT_TRUE(WriteFileAtomic(elsewhere / "secret", "of another team").ok());
  std::filesystem::create_symlink(elsewhere / "secret", folder_ / "model.onnx");
  std::filesystem::create_symlink(elsewhere.path(), folder_ / "door");
  for (const std::string& name : {std::string("model.onnx"), std::string("door/secret"),
                                  elsewhere / "secret", std::string("../secret")}) {
    v1::FileReady file = FileAt(name);
    file.set_artifact("model.onnx");
    uploader_->Add(file);
  }
  EXPECT_EQ(Finish().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(stored_.empty());
  EXPECT_TRUE(scheduler_.record().uploads.empty());
}

TEST_F(UploaderTest, AFencedAttemptIsNotTriedAgain) {
  scheduler_.Configure([](FakeScheduler::Behaviour& behaviour) {
    behaviour.refuse_uploads = absl::FailedPreconditionError("attempt 2 runs");
  });
  Write("file", "bytes");
  uploader_->Add(FileAt("file"));
  EXPECT_EQ(Finish().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(UploaderTest, ACheckpointThatIsNotTakenIsNoRefusal) {
  uploader_->Add(FileAt("absent", /*checkpoint_step=*/8));
  EXPECT_TRUE(Finish().ok());
  EXPECT_TRUE(stored_.empty());
}

TEST_F(UploaderTest, GivesUpWhenAbandoned) {
  scheduler_.Down();
  Write("file", "bytes");
  uploader_->Add(FileAt("file"));
  uploader_->Abandon();
  EXPECT_EQ(Finish().code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace octet::agent
