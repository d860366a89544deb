#include "worker/failure/position.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/temp_folder.h"
#include "worker/failure/position_file.h"

namespace octet::failure {
namespace {

RankPosition At(int rank, int64_t step, Phase phase, RunState state = RunState::kRuns) {
  return {.rank = rank, .step = step, .phase = phase, .state = state};
}

TEST(FindBehindTest, IsTheOneThatDoesNotWait) {
  const std::vector<RankPosition> positions = {At(0, 7, Phase::kCommunication),
                                               At(1, 7, Phase::kCompute)};
  ASSERT_NE(FindBehind(positions), nullptr);
  EXPECT_EQ(FindBehind(positions)->rank, 1);
}

TEST(FindBehindTest, IsNobodyWhereAllWait) {
  EXPECT_EQ(FindBehind({}), nullptr);
  EXPECT_EQ(FindBehind({At(0, 7, Phase::kCommunication), At(1, 7, Phase::kCommunication)}),
            nullptr);
}

TEST(FindBehindTest, IsTheOneOfAnEarlierStepEvenIfItWaits) {
  const std::vector<RankPosition> positions = {At(0, 7, Phase::kCommunication),
                                               At(1, 6, Phase::kCommunication)};
  ASSERT_NE(FindBehind(positions), nullptr);
  EXPECT_EQ(FindBehind(positions)->rank, 1);
}

TEST(FindBehindTest, IsTheOneThatDoesNotRunBeforeOneThatCould) {
  for (const RunState state : {RunState::kStopped, RunState::kStuck}) {
    const std::vector<RankPosition> positions = {
        At(0, 6, Phase::kData), At(1, 7, Phase::kCommunication, state), At(2, 6, Phase::kSave)};
    ASSERT_NE(FindBehind(positions), nullptr);
    EXPECT_EQ(FindBehind(positions)->rank, 1);
  }
}

TEST(FindBehindTest, SaysWhereItIs) {
  RankPosition position = At(2, 57, Phase::kCompute);
  position.standing = absl::Seconds(31);
  EXPECT_EQ(ToString(position), "computing step 57 for 31 s");
  position.state = RunState::kStopped;
  EXPECT_EQ(ToString(position), "stopped by a signal or a debugger, computing step 57 for 31 s");
}

TEST(PositionFileTest, EveryMoveIsSeen) {
  TempFolder folder;
  const std::string path = folder / "rank-0.position";
  EXPECT_EQ(ReadPlace(path), std::nullopt);
  const auto file = PositionFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(ReadPlace(path), std::nullopt);  // Nothing is said yet.
  (*file)->Enter(57, Phase::kEvaluate);
  const auto first = ReadPlace(path);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->step, 57);
  EXPECT_EQ(first->phase, Phase::kEvaluate);
  EXPECT_EQ(ReadPlace(path), first);
  (*file)->Enter(57, Phase::kEvaluate);
  EXPECT_NE(ReadPlace(path), first);
}

TEST(PositionFileTest, AFolderThatIsNotThereIsNamed) {
  const auto file = PositionFile::Open("/nowhere/rank-0.position");
  EXPECT_THAT(std::string(file.status().message()), testing::HasSubstr("/nowhere/rank-0.position"));
}

}  // namespace
}  // namespace octet::failure
