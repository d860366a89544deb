#include "worker/agent/keeper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/fd.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/temp_folder.h"
#include "tests/worker/agent/scripts.h"
#include "tests/worker/agent/wait.h"
#include "worker/isolation/confinement.h"
#include "worker/isolation/landlock.h"

namespace octet::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A program that leaves its rank in every way there is: a session of its own,
// a parent that is gone, and an environment that tells nothing.
constexpr char kEscape[] =
    "(setsid env -i /bin/sh -c 'echo $$ > escaped; exec sleep 1000' &) ; "
    "while [ ! -s escaped ]; do sleep 0.01; done; ";

class KeeperTest : public ::testing::Test {
 protected:
  RankCommand Script(int rank, const std::string& script) {
    RankCommand command{.rank = rank};
    command.program = "/bin/sh";
    command.argv = {"sh", "-c", script};
    command.cwd = folder_.path();
    command.out = folder_ / absl::StrCat("out-", rank);
    command.err = folder_ / absl::StrCat("err-", rank);
    return command;
  }
  std::unique_ptr<Keeper> Start(const std::vector<RankCommand>& commands) {
    auto keeper = Keeper::Start(commands);
    EXPECT_TRUE(keeper.ok()) << keeper.status();
    return *std::move(keeper);
  }
  // The ends of all ranks, by index.
  static std::map<size_t, ExitStatus> Ends(Keeper& keeper) {
    std::map<size_t, ExitStatus> ends;
    for (bool gone = false; !gone;) {
      const Keeper::News news = keeper.Read();
      for (const Keeper::End& end : news.ends) ends[end.index] = end.exit;
      gone = news.gone;
    }
    return ends;
  }
  pid_t Escaped() { return ReadPid(folder_ / "escaped"); }

  TempFolder folder_;
};

TEST_F(KeeperTest, TellsHowEachRankEnded) {
  auto keeper = Start({Script(0, "exit 3"), Script(1, "kill -SEGV $$"), Script(2, "true")});
  EXPECT_EQ(keeper->pids().size(), 3u);
  const auto ends = Ends(*keeper);
  ASSERT_EQ(ends.size(), 3u);
  EXPECT_EQ(ends.at(0), ExitStatus{.exit_code = 3});
  EXPECT_EQ(ends.at(1), ExitStatus{.signal = SIGSEGV});
  EXPECT_EQ(ends.at(2), ExitStatus{});
}

TEST_F(KeeperTest, ARankHasItsFolderFilesEnvironmentAndNothingElseOfTheAgents) {
  const int leaked = open("/dev/null", O_RDONLY);
  RankCommand command = Script(0,
                               "pwd; echo $COLOUR $HOME; read line || echo no input; ls "
                               "/proc/self/fd | wc -l; echo bad >&2");
  command.env = {{"COLOUR", "red"}, {"HOME", "/of-the-job"}};
  Ends(*Start({command}));
  // ls has its own descriptor for the folder that it lists.
  EXPECT_EQ(*ReadFile(folder_ / "out-0"), folder_.path() + "\nred /of-the-job\nno input\n4\n");
  EXPECT_EQ(*ReadFile(folder_ / "err-0"), "bad\n");
  close(leaked);
}

TEST_F(KeeperTest, ARankStartsWithNoSignalBlockedOrIgnored) {
  signal(SIGUSR2, SIG_IGN);
  Ends(*Start({Script(0, "grep -E '^Sig(Blk|Ign)' /proc/self/status")}));
  signal(SIGUSR2, SIG_DFL);
  EXPECT_EQ(*ReadFile(folder_ / "out-0"), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_F(KeeperTest, SignalsReachTheWholeGroupOfEachRank) {
  auto keeper =
      Start({Script(0,
                    "sh -c 'trap \"echo child; exit\" USR1; touch ready; "
                    "while :; do sleep 0.01; done' & trap 'wait; echo parent; exit 7' USR1; "
                    "while :; do sleep 0.01; done")});
  ASSERT_TRUE(WaitUntil([&] { return Exists(folder_ / "ready"); }));
  keeper->Signal(SIGUSR1);
  EXPECT_EQ(Ends(*keeper).at(0), ExitStatus{.exit_code = 7});
  EXPECT_EQ(*ReadFile(folder_ / "out-0"), "child\nparent\n");
}

TEST_F(KeeperTest, WhatARankLeavesInItsGroupGoesAtItsEnd) {
  auto keeper = Start({Script(0, "sleep 1000 & echo $! > child"), Script(1, "exec sleep 1000")});
  while (keeper->Read().ends.empty()) {
  }
  EXPECT_TRUE(WaitUntil([&] { return IsGone(ReadPid(folder_ / "child")); }));
  EXPECT_FALSE(IsGone(keeper->pids()[1]));
}

TEST_F(KeeperTest, WhatLeftItsGroupGoesWithTheLastRank) {
  auto keeper = Start({Script(0, std::string(kEscape) + "true")});
  EXPECT_EQ(Ends(*keeper).at(0), ExitStatus{});
  ASSERT_GT(Escaped(), 0);
  EXPECT_TRUE(IsGone(Escaped()));
}

TEST_F(KeeperTest, ItsEndIsTheEndOfAll) {
  auto keeper = Start({Script(0, std::string(kEscape) + "touch ready; exec sleep 1000")});
  ASSERT_TRUE(WaitUntil([&] { return Exists(folder_ / "ready"); }));
  const pid_t rank = keeper->pids()[0];
  keeper.reset();
  EXPECT_TRUE(IsGone(rank));
  EXPECT_TRUE(IsGone(Escaped()));
}

TEST_F(KeeperTest, RanksDieWithIt) {
  auto keeper = Start({Script(0, "echo $PPID > keeper; exec sleep 1000")});
  ASSERT_TRUE(WaitUntil([&] { return ReadPid(folder_ / "keeper") > 0; }));
  kill(ReadPid(folder_ / "keeper"), SIGKILL);
  const Keeper::News news = keeper->Read();
  EXPECT_TRUE(news.gone);
  EXPECT_TRUE(news.ends.empty());
  EXPECT_TRUE(WaitUntil([&] { return IsGone(keeper->pids()[0]); }));
}

TEST_F(KeeperTest, TheNextAttemptHasTheChildOfOneOfWhichNothingIsLeft) {
  EXPECT_EQ(Ends(*Start({Script(0, std::string(kEscape) + "echo $PPID > first")})).at(0),
            ExitStatus{});
  EXPECT_TRUE(IsGone(Escaped()));

  RankCommand reader =
      Script(1, absl::StrCat("echo $PPID > ", folder_.path(), "/second; pwd; echo $COLOUR; cat"));
  reader.cwd = "/";
  reader.env = {{"COLOUR", "red"}};
  reader.input = true;
  auto keeper = Start({reader});
  ASSERT_EQ(write(keeper->input_fd(), "hello", 5), 5);
  keeper->CloseInput();
  EXPECT_EQ(Ends(*keeper).at(0), ExitStatus{});
  EXPECT_EQ(ReadPid(folder_ / "first"), ReadPid(folder_ / "second"));
  EXPECT_EQ(*ReadFile(folder_ / "out-1"), "/\nred\nhello");
}

TEST_F(KeeperTest, ASignalTooLateForItsRanksDoesNotReachTheNext) {
  auto keeper = Start({Script(0, "true")});
  Ends(*keeper);
  keeper->Signal(SIGKILL);
  keeper.reset();
  EXPECT_EQ(Ends(*Start({Script(0, "exit 3")})).at(0), ExitStatus{.exit_code = 3});
}

TEST_F(KeeperTest, AChildThatWasKilledAsItWaitedIsReplaced) {
  Ends(*Start({Script(0, "echo $PPID > keeper")}));
  const pid_t idle = ReadPid(folder_ / "keeper");
  kill(idle, SIGKILL);
  ASSERT_TRUE(WaitUntil([&] { return IsGone(idle); }));
  EXPECT_EQ(Ends(*Start({Script(0, "exit 3")})).at(0), ExitStatus{.exit_code = 3});
}

TEST_F(KeeperTest, AChildThatIsKilledBeforeItReadsItsPlanIsReplaced) {
  Ends(*Start({Script(0, "echo $PPID > keeper")}));
  const pid_t idle = ReadPid(folder_ / "keeper");
  kill(idle, SIGSTOP);
  ASSERT_TRUE(WaitUntil([&] { return StateOf(idle) == 'T'; }));
  // This thread sleeps once it has sent the plan and waits for an answer.
  std::thread killer([&] {
    EXPECT_TRUE(WaitUntil([] { return StateOf(getpid()) == 'S'; }));
    kill(idle, SIGKILL);
  });
  EXPECT_EQ(Ends(*Start({Script(0, "echo ran >> ran; exit 3")})).at(0), ExitStatus{.exit_code = 3});
  killer.join();
  EXPECT_EQ(*ReadFile(folder_ / "ran"), "ran\n");
}

TEST_F(KeeperTest, ArgumentsMayBeAsLongAsTheKernelTakesThem) {
  RankCommand command = Script(0, "for word; do echo ${#word}; done");
  const std::string word(100 << 10, 'x');
  command.argv.insert(command.argv.end(), {"sh", word, word, word, word});
  EXPECT_EQ(Ends(*Start({command})).at(0), ExitStatus{});
  EXPECT_EQ(*ReadFile(folder_ / "out-0"), "102400\n102400\n102400\n102400\n");

  command.argv.push_back(std::string(1 << 20, 'x'));
  EXPECT_EQ(Keeper::Start({command}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(KeeperTest, InputReachesTheRankThatWantsIt) {
  RankCommand reader = Script(1, "cat");
  reader.input = true;
  auto keeper = Start({Script(0, "cat"), reader});
  ASSERT_EQ(write(keeper->input_fd(), "hello", 5), 5);
  keeper->CloseInput();
  EXPECT_EQ(Ends(*keeper).at(1), ExitStatus{});
  EXPECT_EQ(*ReadFile(folder_ / "out-1"), "hello");
  EXPECT_EQ(*ReadFile(folder_ / "out-0"), "");
}

TEST_F(KeeperTest, StartsAllOrNoneAndNamesWhatIsWrong) {
  RankCommand broken = Script(1, "");
  broken.program = "/nowhere/program";
  auto keeper = Keeper::Start({Script(0, "echo $$ > first; exec sleep 1000"), broken});
  EXPECT_EQ(keeper.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(keeper.status().message()), HasSubstr("/nowhere/program"));
  const pid_t first = ReadPid(folder_ / "first");
  EXPECT_TRUE(first == 0 || IsGone(first));

  broken = Script(1, "");
  broken.cwd = "/nowhere";
  EXPECT_THAT(std::string(Keeper::Start({broken}).status().message()), HasSubstr("/nowhere"));
  broken = Script(1, "");
  broken.out = "/nowhere/out";
  EXPECT_THAT(std::string(Keeper::Start({broken}).status().message()), HasSubstr("/nowhere/out"));

  ASSERT_TRUE(WriteFileAtomic(folder_ / "data", "no program\n").ok());
  chmod((folder_ / "data").c_str(), 0755);
  broken = Script(1, "");
  broken.program = folder_ / "data";
  EXPECT_EQ(Keeper::Start({broken}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(KeeperTest, AConfinedOneServesNobodyElse) {
  const isolation::ResourceLimit limit{RLIMIT_CORE, {0, 0}};
  isolation::Confinement confinement;
  confinement.on = true;
  confinement.limits = &limit;
  confinement.limit_count = 1;
  const auto run = [&](int rank, const isolation::Confinement& own) {
    auto keeper =
        Keeper::Start({Script(rank, "grep NoNewPrivs /proc/self/status; umask; pwd")}, own);
    EXPECT_TRUE(keeper.ok()) << keeper.status();
    Ends(**keeper);
    return *ReadFile(folder_ / absl::StrCat("out-", rank));
  };
  EXPECT_EQ(run(0, confinement), "NoNewPrivs:\t1\n0077\n" + folder_.path() + "\n");
  EXPECT_THAT(run(1, {}), HasSubstr("NoNewPrivs:\t0\n"));
}

// What confines comes by descriptors of the agent's, wherever they are among those
// that a keeper closes.
TEST_F(KeeperTest, AConfinedOneReachesItsRulesetAndItsGroup) {
  auto ruleset = isolation::Ruleset::Create();
  if (absl::IsUnimplemented(ruleset.status())) GTEST_SKIP() << ruleset.status();
  ASSERT_TRUE(ruleset.ok()) << ruleset.status();
  for (const char* path : {"/usr", "/bin", "/lib", "/lib64", "/etc", "/dev"})
    ASSERT_TRUE(ruleset->AllowIfThere(path, isolation::Access::kRead).ok());
  ASSERT_TRUE(ruleset->Allow(folder_.path(), isolation::Access::kReadWrite).ok());
  const Fd low(open((folder_ / "low").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  const Fd high(fcntl(low.get(), F_DUPFD_CLOEXEC, 500));
  const Fd high_ruleset(fcntl(ruleset->fd(), F_DUPFD_CLOEXEC, 600));
  isolation::Confinement confinement;
  confinement.on = true;
  int run = 0;
  for (const auto& [rules, group] :
       {std::pair(ruleset->fd(), low.get()), std::pair(ruleset->fd(), high.get()),
        std::pair(high_ruleset.get(), low.get())}) {
    ASSERT_EQ(ftruncate(low.get(), 0), 0);
    confinement.ruleset = rules;
    confinement.cgroup = group;
    auto keeper = Keeper::Start({Script(run, "cat /proc/version || echo closed")}, confinement);
    ASSERT_TRUE(keeper.ok()) << keeper.status();
    Ends(**keeper);
    EXPECT_EQ(*ReadFile(folder_ / absl::StrCat("out-", run++)), "closed\n");
    EXPECT_THAT(*ReadFile(folder_ / "low"), HasSubstr("0"));
  }
}

TEST_F(KeeperTest, WhatCannotBeConfinedIsNotStarted) {
  isolation::Confinement confinement;
  confinement.on = true;
  confinement.ruleset = 1'000'000;
  auto keeper = Keeper::Start({Script(0, "touch started")}, confinement);
  EXPECT_FALSE(keeper.ok());
  EXPECT_THAT(std::string(keeper.status().message()), HasSubstr("cannot isolate"));
  EXPECT_FALSE(Exists(folder_ / "started"));
}

TEST_F(KeeperTest, ManyRanksEndAtOnce) {
  std::vector<RankCommand> commands;
  for (int rank = 0; rank < 64; ++rank) commands.push_back(Script(rank, "exit 1"));
  EXPECT_EQ(Ends(*Start(commands)).size(), 64u);
}

}  // namespace
}  // namespace octet::agent
