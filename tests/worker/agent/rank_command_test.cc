#include "worker/agent/rank_command.h"

#include "common/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/temp_folder.h"
#include "worker/agent/slots.h"

namespace octet::agent {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

// Ranks 4 and 5 of 8, on slots 1 and 0.
v1::StartAttempt TrainStart() {
  v1::StartAttempt start;
  start.mutable_ref()->set_job_id("j7");
  start.mutable_ref()->set_attempt(2);
  start.set_stage("train");
  start.set_world_size(8);
  start.add_ranks(4);
  start.add_ranks(5);
  start.add_slot_indices(1);
  start.add_slot_indices(0);
  return start;
}

absl::StatusOr<std::vector<RankCommand>> CommandsOf(const v1::StartAttempt& start,
                                                    const std::vector<v1::Slot>& slots) {
  return RankCommands(start, {"n1", "/programs", "unix:/agent/ranks.sock", slots},
                      AttemptPaths("/agent", start.ref()));
}

std::vector<v1::Slot> GpuPair() {
  std::vector<v1::Slot> slots(2);
  for (int i = 0; i < 2; ++i) {
    slots[i].set_index(i);
    slots[i].set_resource("gpu");
    slots[i].set_uuid(i == 0 ? "GPU-aaaa" : "GPU-bbbb");
  }
  return slots;
}

TEST(RankCommandTest, TellsTheTrainerWhoItIs) {
  auto commands = CommandsOf(TrainStart(), CpuSlots(2));
  ASSERT_TRUE(commands.ok()) << commands.status();
  ASSERT_EQ(commands->size(), 2u);
  const RankCommand& second = (*commands)[1];
  EXPECT_EQ(second.rank, 5);
  EXPECT_EQ(second.program, "/programs/octet-trainer");
  EXPECT_THAT(second.argv,
              ElementsAre("/programs/octet-trainer", "--start", "/agent/attempts/j7/2/start.json",
                          "--rank", "5", "--device", "cpu", "--agent", "unix:/agent/ranks.sock",
                          "--agent-key", "/agent/attempts/j7/2/key", "--dir", "/agent/jobs/j7",
                          "--position", "/agent/attempts/j7/2/rank-5.position"));
  EXPECT_THAT(second.env, Contains(Pair("RANK", "5")));
  EXPECT_THAT(second.env, Contains(Pair("WORLD_SIZE", "8")));
  EXPECT_THAT(second.env, Contains(Pair("LOCAL_RANK", "1")));
  EXPECT_THAT(second.env, Contains(Pair("OCTET_JOB_ID", "j7")));
  EXPECT_THAT(second.env, Contains(Pair("OCTET_ATTEMPT", "2")));
  EXPECT_THAT(second.env, Contains(Pair("OCTET_AGENT", "unix:/agent/ranks.sock")));
  EXPECT_EQ(second.out, "/agent/attempts/j7/2/rank-5.stdout");
  EXPECT_EQ(second.err, "/agent/attempts/j7/2/rank-5.stderr");
}

TEST(RankCommandTest, AGpuRankSeesItsOwnGpuOnly) {
  auto commands = CommandsOf(TrainStart(), GpuPair());
  ASSERT_TRUE(commands.ok()) << commands.status();
  EXPECT_THAT((*commands)[0].env, Contains(Pair("CUDA_VISIBLE_DEVICES", "GPU-bbbb")));
  EXPECT_THAT((*commands)[1].env, Contains(Pair("CUDA_VISIBLE_DEVICES", "GPU-aaaa")));
  EXPECT_THAT((*commands)[0].argv, Contains("cuda:0"));
}

TEST(RankCommandTest, CpuRanksComputeWithOneThreadUnlessTheJobSaysOtherwise) {
  v1::StartAttempt start = TrainStart();
  EXPECT_THAT((*CommandsOf(start, CpuSlots(2)))[0].env, Contains(Pair("OMP_NUM_THREADS", "1")));
  EXPECT_THAT((*CommandsOf(start, GpuPair()))[0].env, Not(Contains(Key("OMP_NUM_THREADS"))));
  start.mutable_spec()->mutable_train()->set_threads_per_rank(3);
  EXPECT_THAT((*CommandsOf(start, CpuSlots(2)))[0].env, Contains(Pair("OMP_NUM_THREADS", "3")));
}

TEST(RankCommandTest, ExportsAreForTheExporter) {
  v1::StartAttempt start = TrainStart();
  start.set_stage("export");
  EXPECT_EQ((*CommandsOf(start, CpuSlots(2)))[0].program, "/programs/octet-exporter");
}

TEST(RankCommandTest, RefusesAStageOrASlotThatThereIsNot) {
  v1::StartAttempt start = TrainStart();
  start.set_stage("dream");
  EXPECT_THAT(std::string(CommandsOf(start, CpuSlots(2)).status().message()), HasSubstr("dream"));

  EXPECT_TRUE(CommandsOf(TrainStart(), CpuSlots(2)).ok());
  EXPECT_EQ(CommandsOf(TrainStart(), CpuSlots(1)).status().code(),
            absl::StatusCode::kInvalidArgument);

  start = TrainStart();
  start.add_ranks(6);
  EXPECT_EQ(CommandsOf(start, CpuSlots(2)).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(RankCommandTest, ACommandRunsInItsFolderOrTheJobsAndOnlyRankZeroReads) {
  TempFolder folder;
  v1::StartAttempt start = TrainStart();
  start.set_stage("command");
  start.set_ranks(0, 0);
  for (int rank = 0; rank < 8; ++rank) start.add_rank_endpoints("10.0.0.1:100");
  v1::CommandSpec& spec = *start.mutable_spec()->mutable_command();
  const RankHost host{"n1", "/programs", "unix:/agent/ranks.sock", CpuSlots(2)};
  const AttemptPaths paths(folder / "agent", start.ref());
  EXPECT_EQ(RankCommands(start, host, paths).status().code(), absl::StatusCode::kInvalidArgument);

  spec.add_argv("sh");
  spec.add_argv("-c");
  spec.set_stdin(true);
  EXPECT_EQ(RankCommands(start, host, paths).status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(MakeFolders(paths.job_dir).ok());
  auto commands = RankCommands(start, host, paths);
  ASSERT_TRUE(commands.ok()) << commands.status();
  EXPECT_THAT((*commands)[0].program, EndsWith("/sh"));
  EXPECT_THAT((*commands)[0].argv, ElementsAre("sh", "-c"));
  EXPECT_EQ((*commands)[0].cwd, paths.job_dir);
  EXPECT_TRUE((*commands)[0].input);
  EXPECT_FALSE((*commands)[1].input);

  spec.set_working_dir(folder.path());
  EXPECT_EQ((*RankCommands(start, host, paths))[0].cwd, folder.path());
  // The job's own PATH is what counts.
  (*spec.mutable_env())["PATH"] = folder.path();
  EXPECT_EQ(RankCommands(start, host, paths).status().code(), absl::StatusCode::kNotFound);
}

TEST(ArtifactNameTest, StaysBelowTheJobsFolder) {
  for (const char* good : {"model.onnx", "checkpoints/step-00000001.safetensors", "a..b/c"})
    EXPECT_TRUE(CheckArtifactName(good).ok()) << good;
  for (const char* bad : {"", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a/"})
    EXPECT_FALSE(CheckArtifactName(bad).ok()) << bad;
}

}  // namespace
}  // namespace octet::agent
