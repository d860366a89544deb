// The agent in this process, with real rank processes: small shell scripts in
// the place of octet-trainer.
#include "worker/agent/agent.h"

#include <signal.h>
#include <sys/stat.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/files.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"
#include "octet/v1/ranks.grpc.pb.h"
#include "tests/common/temp_folder.h"
#include "tests/worker/agent/fake_scheduler.h"
#include "tests/worker/agent/http.h"
#include "tests/worker/agent/scripts.h"
#include "tests/worker/agent/wait.h"
#include "worker/isolation/attempt_key.h"

namespace octet::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class AgentTest : public ::testing::Test {
 protected:
  AgentTest() { scheduler_.Up(); }

  AgentOptions Options() {
    AgentOptions options;
    options.dir = folder_ / "agent";
    options.scheduler = scheduler_.address();
    options.node = "n1";
    options.cpu_slots = 4;
    options.program_dir = folder_ / "programs";
    // No metrics: their server takes 2 s to stop.
    return options;
  }
  void StartAgent() { StartAgent(Options()); }
  void StartAgent(const AgentOptions& options) {
    auto agent = Agent::Start(options);
    ASSERT_TRUE(agent.ok()) << agent.status();
    agent_ = *std::move(agent);
  }
  // The agent starts `ranks` ranks, which run the script `trainer`.
  void StartRanks(int ranks, const std::string& trainer) {
    WriteScript(folder_ / "programs/octet-trainer", trainer);
    if (agent_ == nullptr) StartAgent();
    scheduler_.Send(StartMessage("j1", 1, ranks));
  }
  std::string JobFile(const std::string& name) { return folder_ / "agent/jobs/j1/" + name; }

  std::string AttemptFile(const std::string& name) {
    return folder_ / "agent/attempts/j1/1/" + name;
  }
  void ShowKey(grpc::ClientContext& context) {
    context.AddMetadata(isolation::kAttemptKeyMetadata,
                        ReadFile(AttemptFile("key")).value_or("none"));
  }

  v1::RanksEnded WaitForEnd() {
    return scheduler_.WaitForReport([](const auto& report) { return report.has_ended(); }).ended();
  }
  std::vector<pid_t> WaitForPids() {
    const auto report =
        scheduler_.WaitForReport([](const auto& report) { return report.has_started(); });
    return {report.started().pids().begin(), report.started().pids().end()};
  }

  // What rank `rank` says to the agent.
  grpc::Status Say(const std::function<void(v1::RankReport&)>& fill, int rank = 0) {
    v1::RankReport report;
    *report.mutable_ref() = RankRefOf(rank);
    fill(report);
    grpc::ClientContext context;
    ShowKey(context);
    v1::RankReportResponse response;
    return Ranks()->Report(&context, report, &response);
  }
  static v1::RankRef RankRefOf(int rank) {
    v1::RankRef ref;
    ref.set_job_id("j1");
    ref.set_attempt(1);
    ref.set_rank(rank);
    return ref;
  }
  std::unique_ptr<v1::RankService::Stub> Ranks() {
    return v1::RankService::NewStub(
        grpc::CreateChannel(agent_->rank_address(), grpc::InsecureChannelCredentials()));
  }
  grpc::Status Open(int port) {
    grpc::ClientContext context;
    ShowKey(context);
    v1::OpenRendezvousRequest request;
    *request.mutable_ref() = RankRefOf(0);
    request.set_port(port);
    v1::OpenRendezvousResponse response;
    return Ranks()->OpenRendezvous(&context, request, &response);
  }
  std::string Rendezvous(grpc::Status* status, absl::Duration deadline = absl::Minutes(1)) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + deadline));
    ShowKey(context);
    v1::GetRendezvousRequest request;
    *request.mutable_ref() = RankRefOf(1);
    v1::GetRendezvousResponse response;
    *status = Ranks()->GetRendezvous(&context, request, &response);
    return response.endpoint();
  }

  TempFolder folder_;
  FakeScheduler scheduler_{folder_ / "scheduler.sock"};
  std::unique_ptr<Agent> agent_;
};

TEST_F(AgentTest, IntroducesItsNode) {
  AgentOptions options = Options();
  options.labels = {{"rack", "7"}};
  options.lifetime = absl::Hours(12);
  options.metrics = "127.0.0.1:0";
  StartAgent(options);
  ASSERT_TRUE(scheduler_.WaitUntil([](const auto& record) { return record.heartbeats > 0; }));
  const v1::AgentHello hello = scheduler_.record().hellos[0];
  EXPECT_EQ(hello.node().name(), "n1");
  EXPECT_EQ(hello.node().slots_size(), 4);
  EXPECT_EQ(hello.node().labels().at("rack"), "7");
  EXPECT_FALSE(hello.agent_instance().empty());
  EXPECT_THAT(hello.node().metrics_address(), HasSubstr("127.0.0.1:"));
  const absl::Duration left =
      absl::FromUnixSeconds(hello.node().end_of_life_time().seconds()) - absl::Now();
  EXPECT_GT(left, absl::Hours(11));
  EXPECT_LT(left, absl::Hours(13));
  EXPECT_EQ(hello.running_size(), 0);
}

TEST_F(AgentTest, RanksThatAreDoneMakeAnAttemptThatSucceeded) {
  StartRanks(
      3, "echo rank $RANK of $WORLD_SIZE, locally $LOCAL_RANK, $OMP_NUM_THREADS thread; exit 0");
  const v1::RanksEnded ended = WaitForEnd();
  EXPECT_TRUE(ended.succeeded()) << ended.DebugString();
  EXPECT_EQ(WaitForPids().size(), 3u);
  EXPECT_EQ(scheduler_.record().logs.at("2.stdout"), "rank 2 of 3, locally 2, 1 thread\n");
  v1::StartAttempt start;
  const auto parsed =
      google::protobuf::util::JsonStringToMessage(*ReadFile(AttemptFile("start.json")), &start);
  ASSERT_TRUE(parsed.ok()) << parsed.ToString();
  EXPECT_EQ(start.DebugString(), StartMessage("j1", 1, 3).start_attempt().DebugString());
}

TEST_F(AgentTest, OnlyRanksWithTheirAttemptsKeySpeakForIt) {
  StartRanks(1, "touch ready; while [ ! -e go ]; do sleep 0.01; done");
  ASSERT_TRUE(WaitUntil([&] { return Exists(JobFile("ready")); }));
  EXPECT_EQ(std::filesystem::status(AttemptFile("key")).permissions() &
                (std::filesystem::perms::group_all | std::filesystem::perms::others_all),
            std::filesystem::perms::none);
  v1::RankReport report;
  *report.mutable_ref() = RankRefOf(0);
  report.set_resumed_step(5);
  for (const char* key : {"", "00000000000000000000000000000000"}) {
    grpc::ClientContext context;
    if (*key != '\0') context.AddMetadata(isolation::kAttemptKeyMetadata, key);
    v1::RankReportResponse response;
    EXPECT_EQ(Ranks()->Report(&context, report, &response).error_code(),
              grpc::StatusCode::PERMISSION_DENIED);
  }
  EXPECT_TRUE(Say([](v1::RankReport& own) { own.set_resumed_step(5); }).ok());
  ASSERT_TRUE(WriteFileAtomic(JobFile("go"), "").ok());
  EXPECT_TRUE(WaitForEnd().succeeded());
}

TEST_F(AgentTest, AKilledRankEndsTheAttemptWithItsNameAndItsLastWords) {
  StartRanks(2, R"(
    for i in $(seq 30); do echo "rank $RANK line $i" >&2; done
    touch ready-$RANK
    exec sleep 1000)");
  const auto pids = WaitForPids();
  ASSERT_TRUE(WaitUntil([&] { return Exists(JobFile("ready-0")) && Exists(JobFile("ready-1")); }));
  kill(pids[1], SIGKILL);
  const v1::Failure failure = WaitForEnd().failure();
  EXPECT_THAT(failure.message(), HasSubstr("rank 1 on node n1 was killed by signal 9 (SIGKILL)"));
  EXPECT_EQ(failure.cause(), "killed");
  EXPECT_EQ(failure.failure_class(), v1::FAILURE_CLASS_RANK_LOST);
  ASSERT_EQ(failure.stderr_tail_size(), 20);
  EXPECT_EQ(failure.stderr_tail(0), "rank 1 line 11");
  EXPECT_EQ(failure.stderr_tail(19), "rank 1 line 30");
  EXPECT_TRUE(IsGone(pids[0]));
  EXPECT_THAT(scheduler_.record().logs.at("1.stderr"), HasSubstr("rank 1 line 1\n"));
}

TEST_F(AgentTest, ARankThatEndsWithoutAWordIsReportedWithItsExitCode) {
  StartRanks(1, "echo oops >&2; exit 3");
  const v1::Failure failure = WaitForEnd().failure();
  EXPECT_EQ(failure.exit_code(), 3);
  EXPECT_THAT(failure.message(), HasSubstr("exit code 3"));
  EXPECT_THAT(failure.stderr_tail(), ElementsAre("oops"));
}

TEST_F(AgentTest, AHaltedRankIsNamedAndItsGangEnds) {
  AgentOptions options = Options();
  options.hang_after = absl::Milliseconds(200);
  StartAgent(options);
  StartRanks(2, "[ $4 = 0 ] || kill -STOP $$; exec sleep 1000");
  const v1::Failure failure = WaitForEnd().failure();
  EXPECT_EQ(failure.failure_class(), v1::FAILURE_CLASS_HUNG_RANK);
  EXPECT_EQ(failure.cause(), "hang");
  EXPECT_EQ(failure.rank(), 1);
  EXPECT_EQ(failure.node(), "n1");
}

TEST_F(AgentTest, WhatARankSaysAboutItsFailureIsTheReason) {
  StartRanks(1, "while [ ! -e go ]; do sleep 0.01; done; exit 1");
  WaitForPids();
  ASSERT_TRUE(Say([](v1::RankReport& report) {
                report.mutable_failure()->set_failure_class(v1::FAILURE_CLASS_JOB);
                report.mutable_failure()->set_message("the dataset is damaged");
              }).ok());
  ASSERT_TRUE(WriteFileAtomic(JobFile("go"), "").ok());
  const v1::Failure failure = WaitForEnd().failure();
  EXPECT_EQ(failure.message(), "the dataset is damaged");
  EXPECT_EQ(failure.failure_class(), v1::FAILURE_CLASS_JOB);
  EXPECT_EQ(failure.rank(), 0);
  EXPECT_EQ(failure.node(), "n1");
}

TEST_F(AgentTest, AMissingProgramIsNamed) {
  StartAgent();
  scheduler_.Send(StartMessage("j1", 1, 1));
  const v1::Failure failure = WaitForEnd().failure();
  EXPECT_THAT(failure.message(), HasSubstr(folder_ / "programs/octet-trainer"));
  EXPECT_EQ(failure.failure_class(), v1::FAILURE_CLASS_INFRASTRUCTURE);
  EXPECT_EQ(failure.rank(), -1);
}

TEST_F(AgentTest, StopLetsRanksSaveAndLeave) {
  StartRanks(2, "trap 'exit 75' TERM; touch ready-$RANK; while :; do sleep 0.01; done");
  ASSERT_TRUE(WaitUntil([&] { return Exists(JobFile("ready-0")) && Exists(JobFile("ready-1")); }));
  scheduler_.Send(StopMessage("j1", 1, /*grace_seconds=*/60));
  const v1::RanksEnded ended = WaitForEnd();
  EXPECT_TRUE(ended.stopped()) << ended.DebugString();
  EXPECT_FALSE(ended.has_failure());
}

TEST_F(AgentTest, StopKillsRanksAfterTheGrace) {
  StartRanks(1, "trap '' TERM; touch ready; while :; do sleep 0.01; done");
  const auto pids = WaitForPids();
  ASSERT_TRUE(WaitUntil([&] { return Exists(JobFile("ready")); }));
  scheduler_.Send(StopMessage("j1", 1, /*grace_seconds=*/0));
  EXPECT_TRUE(WaitForEnd().stopped());
  EXPECT_TRUE(IsGone(pids[0]));
}

TEST_F(AgentTest, AStopDuringTheFetchStartsNothing) {
  WriteScript(folder_ / "programs/octet-trainer", "exit 0");
  StartAgent();
  scheduler_.ChangeRecord(
      [](auto& record) { record.artifacts["model.onnx"] = std::string(5000, 'x'); });
  // The download never gets past its first chunk.
  scheduler_.Configure([](auto& behaviour) { behaviour.endless_reads = true; });
  v1::SchedulerMessage start = StartMessage("j1", 1, 1);
  start.mutable_start_attempt()->add_inputs("model.onnx");
  scheduler_.Send(start);
  ASSERT_TRUE(
      scheduler_.WaitUntil([](const auto& record) { return !record.read_offsets.empty(); }));
  scheduler_.Send(StopMessage("j1", 1, /*grace_seconds=*/60));
  EXPECT_TRUE(WaitForEnd().stopped());
  for (const auto& report : scheduler_.record().reports) EXPECT_FALSE(report.has_started());
}

TEST_F(AgentTest, FetchesInputsBeforeRanksStart) {
  scheduler_.ChangeRecord([](auto& record) { record.artifacts["checkpoints/a"] = "weights"; });
  WriteScript(folder_ / "programs/octet-trainer", "cat checkpoints/a");
  StartAgent();
  v1::SchedulerMessage start = StartMessage("j1", 1, 1);
  start.mutable_start_attempt()->add_inputs("checkpoints/a");
  scheduler_.Send(start);
  EXPECT_TRUE(WaitForEnd().succeeded());
  EXPECT_EQ(scheduler_.record().logs.at("0.stdout"), "weights");
}

TEST_F(AgentTest, PassesOnWhatRanksReportAndEndsAfterTheUploads) {
  AgentOptions options = Options();
  options.metrics = "127.0.0.1:0";
  StartAgent(options);
  StartRanks(2, "while [ ! -e go ]; do sleep 0.01; done");
  WaitForPids();
  ASSERT_TRUE(WriteFileAtomic(JobFile("checkpoints/c8"), "weights").ok());
  ASSERT_TRUE(Say([](auto& report) { report.set_resumed_step(4); }).ok());
  ASSERT_TRUE(Say([](auto& report) {
                report.mutable_progress()->set_step(8);
                report.mutable_progress()->set_images_per_s(100);
              }).ok());
  ASSERT_TRUE(Say(
                  [](auto& report) {
                    report.mutable_progress()->set_step(99);
                    report.mutable_rank_step_time()->set_compute_s(2);
                  },
                  /*rank=*/1)
                  .ok());
  scheduler_.WaitForReport([](const auto& report) { return report.progress().step() == 8; });
  const std::string address = agent_->node().metrics_address();
  const std::string page = HttpGet(address, "/metrics");
  EXPECT_THAT(page, HasSubstr("octet_job_step{job=\"j1\"} 8"));
  EXPECT_THAT(page,
              HasSubstr("octet_job_rank_step_seconds{job=\"j1\",phase=\"compute\",rank=\"1\"} 2"));
  EXPECT_THAT(HttpGet(address, "/metrics"), HasSubstr("resource=\"cpu\",state=\"busy\"} 2"));

  ASSERT_TRUE(Say([&](auto& report) {
                report.mutable_file()->set_path(JobFile("checkpoints/c8"));
                report.mutable_file()->set_artifact("checkpoints/c8");
                report.mutable_file()->set_checkpoint_step(8);
              }).ok());
  ASSERT_TRUE(Say([](auto& report) { report.mutable_train_result()->set_top1(92); }).ok());
  ASSERT_TRUE(WriteFileAtomic(JobFile("go"), "").ok());
  EXPECT_TRUE(WaitForEnd().succeeded());

  const auto record = scheduler_.record();
  EXPECT_EQ(record.artifacts.at("checkpoints/c8"), "weights");
  bool resumed = false, saved = false, trained = false;
  for (const auto& report : record.reports) {
    resumed |= report.progress().step() == 4 && report.sequence() > 0;
    saved |= report.checkpoint().artifact() == "checkpoints/c8" && report.checkpoint().step() == 8;
    trained |= report.train_result().top1() == 92;
    EXPECT_NE(report.progress().step(), 99);
  }
  EXPECT_TRUE(resumed && saved && trained);
  EXPECT_TRUE(record.reports.back().has_ended());
  EXPECT_THAT(HttpGet(address, "/metrics"), Not(HasSubstr("job=\"j1\"")));
  ASSERT_TRUE(WaitUntil([&] {
    return HttpGet(address, "/metrics").find("resource=\"cpu\",state=\"free\"} 4") !=
           std::string::npos;
  }));
}

TEST_F(AgentTest, AnArtifactThatCannotBeStoredFailsTheAttempt) {
  scheduler_.Configure([](auto& behaviour) {
    behaviour.refuse_uploads = absl::ResourceExhaustedError("disk full");
  });
  StartRanks(1, "while [ ! -e go ]; do sleep 0.01; done");
  WaitForPids();
  ASSERT_TRUE(WriteFileAtomic(JobFile("model.onnx"), "model").ok());
  ASSERT_TRUE(Say([](auto& report) {
                report.mutable_file()->set_path("model.onnx");
                report.mutable_file()->set_artifact("model.onnx");
              }).ok());
  ASSERT_TRUE(WriteFileAtomic(JobFile("go"), "").ok());
  const v1::RanksEnded ended = WaitForEnd();
  EXPECT_FALSE(ended.succeeded());
  EXPECT_EQ(ended.failure().message(), "node n1: cannot store model.onnx: disk full");
  EXPECT_EQ(ended.failure().failure_class(), v1::FAILURE_CLASS_INFRASTRUCTURE);
}

TEST_F(AgentTest, TellsItsRanksWhereRankZeroListens) {
  StartRanks(2, "exec sleep 1000");
  WaitForPids();
  grpc::Status status;
  Rendezvous(&status, absl::Milliseconds(20));
  EXPECT_EQ(status.error_code(), grpc::DEADLINE_EXCEEDED);
  ASSERT_TRUE(Open(4321).ok());
  EXPECT_EQ(Rendezvous(&status), "127.0.0.1:4321");
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(Open(0).error_code(), grpc::INVALID_ARGUMENT);
}

TEST_F(AgentTest, CarriesTheRendezvousBetweenNodes) {
  WriteScript(folder_ / "programs/octet-trainer", "exec sleep 1000");
  AgentOptions options = Options();
  options.advertise_host = "10.0.0.7";
  StartAgent(options);
  v1::SchedulerMessage start = StartMessage("j1", 1, 2);
  start.mutable_start_attempt()->set_single_node(false);
  scheduler_.Send(start);
  WaitForPids();
  ASSERT_TRUE(Open(4321).ok());
  EXPECT_EQ(scheduler_
                .WaitForReport([](const auto& report) {
                  return report.event_case() == v1::AttemptReport::kRendezvousEndpoint;
                })
                .rendezvous_endpoint(),
            "10.0.0.7:4321");

  v1::SchedulerMessage ready;
  ready.mutable_rendezvous_ready()->mutable_ref()->set_job_id("j1");
  ready.mutable_rendezvous_ready()->mutable_ref()->set_attempt(1);
  ready.mutable_rendezvous_ready()->set_endpoint("10.0.0.8:1234");
  scheduler_.Send(ready);
  grpc::Status status;
  EXPECT_TRUE(WaitUntil([&] { return Rendezvous(&status) == "10.0.0.8:1234"; }));
}

TEST_F(AgentTest, RanksOfNoAttemptHereAreTurnedAway) {
  StartRanks(1, "exit 0");
  EXPECT_TRUE(WaitForEnd().succeeded());
  const auto progress = [](v1::RankReport& report) { report.mutable_progress()->set_step(1); };
  EXPECT_EQ(Say(progress).error_code(), grpc::FAILED_PRECONDITION);
  const auto another = [](v1::RankReport& report) { report.mutable_ref()->set_attempt(2); };
  EXPECT_EQ(Say(another).error_code(), grpc::FAILED_PRECONDITION);
}

TEST_F(AgentTest, OnlyItsUserCanOpenTheRankSocket) {
  StartAgent();
  struct stat info;
  ASSERT_EQ(stat((folder_ / "agent/ranks.sock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(AgentTest, KeepsRanksAndReportsWhileTheSchedulerIsAway) {
  scheduler_.Configure([](auto& behaviour) { behaviour.acknowledge = false; });
  StartRanks(1, "while [ ! -e go ]; do sleep 0.01; done");
  const auto pids = WaitForPids();
  scheduler_.Down();
  EXPECT_FALSE(IsGone(pids[0]));
  scheduler_.ChangeRecord([](auto& record) { record.reports.clear(); });
  scheduler_.Configure([](auto& behaviour) { behaviour.acknowledge = true; });
  scheduler_.Up();
  // Said again, because it was not acknowledged, and by the same life.
  EXPECT_EQ(WaitForPids(), pids);
  const auto hellos = scheduler_.record().hellos;
  EXPECT_EQ(hellos.front().agent_instance(), hellos.back().agent_instance());
  ASSERT_EQ(hellos.back().running_size(), 1);
  EXPECT_EQ(hellos.back().running(0).job_id(), "j1");
  ASSERT_TRUE(WriteFileAtomic(JobFile("go"), "").ok());
  EXPECT_TRUE(WaitForEnd().succeeded());
}

TEST_F(AgentTest, AnEndThatWasNotHeardIsSaidAgainAndUntilThenTheAttemptCounts) {
  StartRanks(1, "while [ ! -e go ]; do sleep 0.01; done; echo bye");
  const auto pids = WaitForPids();
  scheduler_.Down();
  ASSERT_TRUE(WriteFileAtomic(JobFile("go"), "").ok());
  ASSERT_TRUE(WaitUntil([&] { return IsGone(pids[0]); }));
  scheduler_.Up();
  EXPECT_TRUE(WaitForEnd().succeeded());
  EXPECT_EQ(scheduler_.record().hellos.back().running_size(), 1);
  EXPECT_EQ(scheduler_.record().logs.at("0.stdout"), "bye\n");
}

TEST_F(AgentTest, KillsAttemptsThatTheSchedulerDoesNotWant) {
  StartRanks(1, "exec sleep 1000");
  const auto pids = WaitForPids();
  scheduler_.Down();
  scheduler_.Configure([](auto& behaviour) {
    behaviour.unwanted.push_back(StartMessage("j1", 1, 1).start_attempt().ref());
  });
  scheduler_.Up();
  EXPECT_TRUE(WaitUntil([&] { return IsGone(pids[0]); }));
}

TEST_F(AgentTest, AStartThatIsRepeatedStartsNothingTwice) {
  StartRanks(1, "echo started >> starts; while [ ! -e go ]; do sleep 0.01; done");
  scheduler_.Send(StartMessage("j1", 1, 1));
  ASSERT_TRUE(WaitUntil([&] { return Exists(JobFile("starts")); }));
  ASSERT_TRUE(WriteFileAtomic(JobFile("go"), "").ok());
  EXPECT_TRUE(WaitForEnd().succeeded());
  EXPECT_EQ(*ReadFile(JobFile("starts")), "started\n");
}

TEST_F(AgentTest, ANewerAttemptEndsTheOlder) {
  StartRanks(1, "exec sleep 1000");
  const auto pids = WaitForPids();
  scheduler_.Send(StartMessage("j1", 2, 1));
  scheduler_.WaitForReport(
      [](const auto& report) { return report.has_started() && report.ref().attempt() == 2; });
  EXPECT_TRUE(IsGone(pids[0]));
}

TEST_F(AgentTest, ShutdownLetsRanksLeaveAndReportsIt) {
  StartRanks(1, "trap 'exit 75' TERM; touch ready; while :; do sleep 0.01; done");
  ASSERT_TRUE(WaitUntil([&] { return Exists(JobFile("ready")); }));
  agent_->Shutdown();
  EXPECT_TRUE(WaitForEnd().stopped());
}

TEST_F(AgentTest, ShutdownIsAnnouncedAheadOfTheEndsThatItBrings) {
  scheduler_.Configure([](auto& behaviour) { behaviour.heartbeat_interval = absl::Hours(1); });
  StartRanks(1, "trap 'exit 75' TERM; touch ready; while :; do sleep 0.01; done");
  ASSERT_TRUE(WaitUntil([&] { return Exists(JobFile("ready")); }));
  agent_->Shutdown();
  WaitForEnd();
  EXPECT_THAT(scheduler_.record().problems_at_end, ElementsAre("its agent is ending"));
}

TEST_F(AgentTest, ASecondAgentOnTheFolderIsRefused) {
  StartAgent();
  auto second = Agent::Start(Options());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("another octet-agent"));
}

TEST_F(AgentTest, AFolderTooDeepForASocketIsRefusedWithTheWayOut) {
  AgentOptions options = Options();
  options.dir = folder_ / std::string(120, 'd');
  auto agent = Agent::Start(options);
  EXPECT_EQ(agent.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(agent.status().message()), HasSubstr("--dir"));
}

}  // namespace
}  // namespace octet::agent
