// A real scheduler under kill -9.
#include <csignal>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/process.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "octet/v1/jobs.grpc.pb.h"
#include "tests/scheduler/server/temp_dir.h"

namespace octet::scheduler {
namespace {

constexpr int kClients = 8, kKills = 5, kMostAnswers = 300;
constexpr std::chrono::seconds kPatience(30);

/// Submits until the scheduler is gone, and keeps account of it.
class Submitters {
 public:
  /// One client's run of calls; each job is named as its request.
  void Run(v1::JobService::Stub& stub, const std::string& prefix) {
    for (int number = 0;; ++number) {
      const std::string name = absl::StrCat(prefix, "-", number);
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + kPatience);
      v1::Job job;
      const bool answered = stub.CreateJob(&context, Request(name), &job).ok();
      absl::MutexLock lock(&mutex_);
      if (!answered) {
        unanswered_.insert(name);
        return;
      }
      answered_[name] = job.job_id();
    }
  }

  static v1::CreateJobRequest Request(const std::string& name) {
    v1::CreateJobRequest request;
    request.set_request_id(name);
    request.mutable_spec()->set_name(name);
    request.mutable_spec()->mutable_command()->add_argv("true");
    return request;
  }

  /// False: so many more have not come in time.
  bool AwaitAnswers(size_t more) {
    absl::MutexLock lock(&mutex_);
    const size_t wanted = answered_.size() + more;
    const auto enough = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return answered_.size() >= wanted;
    };
    return mutex_.AwaitWithTimeout(absl::Condition(&enough), absl::FromChrono(kPatience));
  }

  /// Job ids by name. Once all Run calls have returned.
  std::map<std::string, std::string> answered() const {
    absl::MutexLock lock(&mutex_);
    return answered_;
  }
  std::set<std::string> unanswered() const {
    absl::MutexLock lock(&mutex_);
    return unanswered_;
  }

 private:
  mutable absl::Mutex mutex_;
  std::map<std::string, std::string> answered_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> unanswered_ ABSL_GUARDED_BY(mutex_);
};

class DurabilityTest : public ::testing::Test {
 protected:
  void Start() {
    auto process = Process::Spawn({.argv = {OCTET_SCHEDULER, "--dir", dir_.path()},
                                   .out = ChildOutput::File(dir_.path() + "/out"),
                                   .err = ChildOutput::File(dir_.path() + "/out")});
    ASSERT_TRUE(process.ok()) << process.status().message();
    process_ = *std::move(process);
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 20);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);
    const auto channel =
        grpc::CreateCustomChannel(absl::StrCat("unix:", dir_.path(), "/scheduler.sock"),
                                  grpc::InsecureChannelCredentials(), arguments);
    ASSERT_TRUE(channel->WaitForConnected(std::chrono::system_clock::now() + kPatience));
    stub_ = v1::JobService::NewStub(channel);
  }

  // Kills the scheduler in the middle of its work, after so many answers.
  void SubmitAndKill(int round, size_t answers) {
    std::vector<std::thread> clients;
    for (int i = 0; i < kClients; ++i)
      clients.emplace_back([&, i] { submitters_.Run(*stub_, absl::StrCat("r", round, "-c", i)); });
    EXPECT_TRUE(submitters_.AwaitAnswers(answers));
    process_->Signal(SIGKILL);
    process_->Wait();
    for (std::thread& client : clients) client.join();
  }

  // The id that a repeated call of this request is answered with.
  std::string Repeat(const std::string& name) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    v1::Job job;
    const grpc::Status status = stub_->CreateJob(&context, Submitters::Request(name), &job);
    EXPECT_TRUE(status.ok()) << name << ": " << status.error_message();
    return job.job_id();
  }

  // Job ids by name; fails when two have one name.
  std::map<std::string, std::string> Stored() {
    std::map<std::string, std::string> stored;
    v1::ListJobsRequest request;
    request.set_page_size(1000);
    do {
      grpc::ClientContext context;
      v1::ListJobsResponse page;
      if (!stub_->ListJobs(&context, request, &page).ok()) ADD_FAILURE() << "no list";
      for (const v1::Job& job : page.jobs())
        EXPECT_TRUE(stored.emplace(job.spec().name(), job.job_id()).second)
            << job.spec().name() << " is there twice";
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return stored;
  }

  TempDir dir_;
  std::unique_ptr<Process> process_;
  std::unique_ptr<v1::JobService::Stub> stub_;
  Submitters submitters_;
};

TEST_F(DurabilityTest, WhatWasAnsweredSurvivesAKillAtAnyMomentAndNothingIsThereTwice) {
  std::mt19937 random(1);
  ASSERT_NO_FATAL_FAILURE(Start());
  for (int round = 0; round < kKills; ++round) {
    SubmitAndKill(round, std::uniform_int_distribution<size_t>(1, kMostAnswers)(random));
    ASSERT_NO_FATAL_FAILURE(Start());
    const auto stored = Stored();
    for (const auto& [name, id] : submitters_.answered()) {
      const auto found = stored.find(name);
      ASSERT_NE(found, stored.end()) << name << " was answered with " << id << " and is lost";
      EXPECT_EQ(found->second, id);
    }
  }
  const auto before = Stored();
  for (const std::string& name : submitters_.unanswered()) {
    const std::string id = Repeat(name);
    const auto found = before.find(name);
    EXPECT_TRUE(found == before.end() || found->second == id) << name << " is now " << id;
  }
  EXPECT_EQ(Stored().size(), submitters_.answered().size() + submitters_.unanswered().size());
}

}  // namespace
}  // namespace octet::scheduler
