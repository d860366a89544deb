#include "client/short_call.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "common/fd.h"
#include "gmock/gmock.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "octet/v1/jobs.grpc.pb.h"
#include "tests/common/temp_folder.h"

namespace octet::client {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kGetJob[] = "/octet.v1.JobService/GetJob";
constexpr ShortCallLimits kPatient{.first_contact = absl::Seconds(30), .call = absl::Seconds(30)};
constexpr absl::Duration kShort = absl::Milliseconds(50);

/// gRPC's own server; answers GetJob as told.
class Server final : public v1::JobService::Service {
 public:
  using Answer = std::function<grpc::Status(grpc::ServerContext&, const std::string&, v1::Job&)>;

  explicit Server(Answer answer) : answer_(std::move(answer)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + path(), grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~Server() override { server_->Shutdown(); }

  std::string path() const { return folder_ / "s"; }
  int calls() const { return calls_; }

  grpc::Status GetJob(grpc::ServerContext* context, const v1::GetJobRequest* request,
                      v1::Job* job) override {
    ++calls_;
    return answer_(*context, request->job_id(), *job);
  }

 private:
  const TempFolder folder_;
  const Answer answer_;
  std::atomic<int> calls_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

struct Got {
  ShortCallResult result;
  v1::Job job;
};

Got GetJob(const std::string& path, const std::string& id, const ShortCallLimits& limits = kPatient,
           const char* method = kGetJob) {
  v1::GetJobRequest request;
  request.set_job_id(id);
  Got got;
  got.result = ShortCall(path, method, limits, request, &got.job);
  return got;
}

grpc::Status Echo(grpc::ServerContext&, const std::string& id, v1::Job& job) {
  job.set_job_id(id);
  return grpc::Status::OK;
}

TEST(ShortCallTest, ARequestOfAnySizeIsAnswered) {
  const Server server(Echo);
  // Beyond what fits into a frame, and into what HTTP/2 lets send at first.
  for (const size_t size : {size_t{0}, size_t{1}, size_t{20} << 10, size_t{3} << 20}) {
    const std::string id(size, 'x');
    const Got got = GetJob(server.path(), id);
    EXPECT_TRUE(got.result.status.ok()) << got.result.status.error_message();
    EXPECT_TRUE(got.job.job_id() == id) << size;
  }
}

TEST(ShortCallTest, AnErrorKeepsItsCodeAndItsWords) {
  const std::string words = "no job \"j\u00e4\": 100 %41 of\nthem";
  const Server server([&](grpc::ServerContext&, const std::string&, v1::Job&) {
    return grpc::Status(grpc::StatusCode::NOT_FOUND, words);
  });
  const Got got = GetJob(server.path(), "j1");
  EXPECT_EQ(got.result.status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(got.result.status.error_message(), words);
  EXPECT_TRUE(got.result.heard);
}

TEST(ShortCallTest, AMethodThatIsNotThereIsUnimplemented) {
  const Server server(Echo);
  EXPECT_EQ(GetJob(server.path(), "", kPatient, "/octet.v1.JobService/Nothing")
                .result.status.error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

TEST(ShortCallTest, ABusySchedulerIsCalledAgainAfterTheDelayThatItTells) {
  std::atomic<int> refusals = 3;
  const Server server([&](grpc::ServerContext& context, const std::string& id, v1::Job& job) {
    if (refusals-- <= 0) return Echo(context, id, job);
    context.AddTrailingMetadata("grpc-retry-pushback-ms", "1");
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "busy");
  });
  EXPECT_EQ(GetJob(server.path(), "j1").job.job_id(), "j1");
  EXPECT_EQ(server.calls(), 4);
}

TEST(ShortCallTest, OneThatStaysBusyIsGivenUpAfterFiveCalls) {
  const Server server([](grpc::ServerContext& context, const std::string&, v1::Job&) {
    context.AddTrailingMetadata("grpc-retry-pushback-ms", "1");
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "busy");
  });
  EXPECT_EQ(GetJob(server.path(), "j1").result.status.error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(server.calls(), 5);
}

TEST(ShortCallTest, OneThatTellsNoDelayIsNotCalledAgain) {
  const Server server([](grpc::ServerContext&, const std::string&, v1::Job&) {
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "too large");
  });
  GetJob(server.path(), "j1");
  EXPECT_EQ(server.calls(), 1);
}

TEST(ShortCallTest, ACallThatTakesTooLongIsGivenUpOnBothSides) {
  std::atomic<bool> cancelled = false;
  {
    const Server server([&](grpc::ServerContext& context, const std::string&, v1::Job&) {
      while (!context.IsCancelled()) std::this_thread::yield();
      cancelled = true;
      return grpc::Status::CANCELLED;
    });
    const Got got =
        GetJob(server.path(), "j1", {.first_contact = absl::Seconds(30), .call = kShort});
    EXPECT_EQ(got.result.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
    EXPECT_TRUE(got.result.heard);
  }
  EXPECT_TRUE(cancelled);
}

TEST(ShortCallTest, WhereNothingListensItIsUnavailable) {
  const TempFolder folder;
  const Got got = GetJob(folder / "s", "j1", {.first_contact = kShort});
  EXPECT_EQ(got.result.status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_FALSE(got.result.heard);
}

/// Takes connections and speaks no HTTP/2 by itself.
class BareSocket {
 public:
  BareSocket() : listener_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(listener_.get(), 8), 0);
  }
  std::string path() const { return folder_ / "s"; }
  Fd Accept() const { return Fd(accept(listener_.get(), nullptr, nullptr)); }

 private:
  const TempFolder folder_;
  const Fd listener_;
};

TEST(ShortCallTest, AServerThatIsNeverHeardIsNotAskedAnything) {
  const BareSocket server;
  const Got got = GetJob(server.path(), "the-request", {.first_contact = kShort});
  EXPECT_EQ(got.result.status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_FALSE(got.result.heard);
  // As a scheduler would see it that was stopped, and now goes on.
  const Fd connection = server.Accept();
  std::string sent(4096, '\0');
  sent.resize(static_cast<size_t>(recv(connection.get(), sent.data(), sent.size(), 0)));
  EXPECT_THAT(sent, HasSubstr("PRI * HTTP/2.0"));
  EXPECT_THAT(sent, Not(HasSubstr("the-request")));
}

TEST(ShortCallTest, AConnectionThatBreaksIsUnavailable) {
  const BareSocket server;
  std::thread peer([&] {
    const Fd connection = server.Accept();
    const char settings[9] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
    EXPECT_EQ(send(connection.get(), settings, sizeof(settings), 0), 9);
    char first;
    EXPECT_EQ(recv(connection.get(), &first, 1, 0), 1);
  });
  const Got got = GetJob(server.path(), "j1");
  peer.join();
  EXPECT_EQ(got.result.status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(got.result.heard);
}

TEST(ShortCallTest, WhatIsNotHttp2IsUnavailable) {
  const BareSocket server;
  std::thread peer([&] {
    const Fd connection = server.Accept();
    EXPECT_GT(send(connection.get(), "HTTP/1.1 400 No\r\n\r\n", 19, 0), 0);
  });
  EXPECT_EQ(GetJob(server.path(), "j1").result.status.error_code(), grpc::StatusCode::UNAVAILABLE);
  peer.join();
}

}  // namespace
}  // namespace octet::client
