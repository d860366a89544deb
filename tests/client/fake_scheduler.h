// A scheduler that answers what a test tells it to, and the CLI against it.
#ifndef OCTET_TESTS_CLIENT_FAKE_SCHEDULER_H_
#define OCTET_TESTS_CLIENT_FAKE_SCHEDULER_H_

#include <atomic>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "client/command_table.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "octet/v1/artifacts.grpc.pb.h"
#include "octet/v1/jobs.grpc.pb.h"
#include "octet/v1/logs.grpc.pb.h"
#include "octet/v1/nodes.grpc.pb.h"
#include "tests/common/temp_folder.h"

namespace octet::client {

/// What one command came to.
struct Outcome {
  int code;
  std::string out, err;
};

/// Serves on a Unix socket of its own from its construction on. Set the answers
/// before the call; they run on gRPC's threads: calls that the CLI makes at the
/// same time are answered at the same time.
class FakeScheduler {
  template <typename Request, typename Response>
  using Answer = std::function<grpc::Status(const Request&, Response*)>;

 public:
  /// The jobs that one WatchJob call sends, and how it ends.
  using Watch = std::pair<std::vector<v1::Job>, grpc::Status>;

  FakeScheduler() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address(), grpc::InsecureServerCredentials());
    builder.RegisterService(&job_service_);
    builder.RegisterService(&node_service_);
    builder.RegisterService(&artifact_service_);
    builder.RegisterService(&log_service_);
    server_ = builder.BuildAndStart();
  }
  ~FakeScheduler() { server_->Shutdown(); }

  std::string address() const { return "unix:" + (folder_ / "s"); }

  /// `octet ARGS` against this scheduler, with `in` as its standard input.
  Outcome Octet(std::vector<std::string> args, const std::string& in = "") const {
    std::istringstream input(in);
    std::ostringstream out, err;
    Context context(input, out, err);
    context.program_dir = program_dir;
    context.in_fd = in_fd;
    context.out_is_terminal = out_is_terminal;
    args.insert(args.begin(), {"--server", address(), "--dir", folder_.path()});
    const int code = RunOctet(context, args);
    answers_.load();
    return {code, out.str(), err.str()};
  }

  Answer<v1::CreateJobRequest, v1::Job> create;
  Answer<v1::GetJobRequest, v1::Job> get;
  Answer<v1::ListJobsRequest, v1::ListJobsResponse> list;
  Answer<v1::CancelJobRequest, v1::Job> cancel;
  Answer<v1::HoldJobRequest, v1::Job> hold;
  Answer<v1::ReleaseJobRequest, v1::Job> release;
  Answer<v1::RequeueJobRequest, v1::Job> requeue;
  Answer<v1::SignalJobRequest, v1::SignalJobResponse> signal;
  Answer<v1::SendInputRequest, v1::SendInputResponse> input;
  Answer<v1::WhyJobRequest, v1::WhyJobResponse> why;
  Answer<v1::ListNodesRequest, v1::ListNodesResponse> nodes;
  Answer<v1::DrainNodeRequest, v1::Node> drain;
  Answer<v1::UndrainNodeRequest, v1::Node> undrain;
  Answer<v1::ListTeamsRequest, v1::ListTeamsResponse> teams;
  Answer<v1::ListArtifactsRequest, v1::ListArtifactsResponse> artifacts;
  /// One for each call; the last one again and again.
  std::vector<Watch> watches;
  /// Runs before a watch sends this job; it may take its time.
  std::function<void(const v1::Job&)> before_watch_sends;
  /// What ReadArtifact and ReadLog send from an offset on, and how they end.
  using Rest = std::pair<std::string, grpc::Status>;
  std::function<Rest(int64_t offset)> read_artifact, read_log;
  /// The same for the output of all ranks.
  using Pieces = std::pair<std::vector<v1::ReadLogResponse>, grpc::Status>;
  std::function<Pieces(const v1::ReadLogRequest&)> read_all_ranks;
  /// What the CLI sees of the world beyond `in`.
  int in_fd = -1;
  bool out_is_terminal = false;
  /// Where the CLI looks for Octet's other programs.
  std::string program_dir;

 private:
  template <typename Request, typename Response>
  static grpc::Status Give(const Answer<Request, Response>& answer, const Request& request,
                           Response* response) {
    if (answer == nullptr) return {grpc::StatusCode::INTERNAL, "the test expects no such call"};
    const grpc::Status status = answer(request, response);
    ++answers_;
    return status;
  }

  struct Jobs : v1::JobService::Service {
    explicit Jobs(FakeScheduler& fake) : fake(fake) {}
    grpc::Status CreateJob(grpc::ServerContext*, const v1::CreateJobRequest* request,
                           v1::Job* job) override {
      return Give(fake.create, *request, job);
    }
    grpc::Status GetJob(grpc::ServerContext*, const v1::GetJobRequest* request,
                        v1::Job* job) override {
      return Give(fake.get, *request, job);
    }
    grpc::Status ListJobs(grpc::ServerContext*, const v1::ListJobsRequest* request,
                          v1::ListJobsResponse* response) override {
      return Give(fake.list, *request, response);
    }
    grpc::Status CancelJob(grpc::ServerContext*, const v1::CancelJobRequest* request,
                           v1::Job* job) override {
      return Give(fake.cancel, *request, job);
    }
    grpc::Status HoldJob(grpc::ServerContext*, const v1::HoldJobRequest* request,
                         v1::Job* job) override {
      return Give(fake.hold, *request, job);
    }
    grpc::Status ReleaseJob(grpc::ServerContext*, const v1::ReleaseJobRequest* request,
                            v1::Job* job) override {
      return Give(fake.release, *request, job);
    }
    grpc::Status RequeueJob(grpc::ServerContext*, const v1::RequeueJobRequest* request,
                            v1::Job* job) override {
      return Give(fake.requeue, *request, job);
    }
    grpc::Status SignalJob(grpc::ServerContext*, const v1::SignalJobRequest* request,
                           v1::SignalJobResponse* response) override {
      return Give(fake.signal, *request, response);
    }
    grpc::Status SendInput(grpc::ServerContext*, const v1::SendInputRequest* request,
                           v1::SendInputResponse* response) override {
      return Give(fake.input, *request, response);
    }
    grpc::Status WhyJob(grpc::ServerContext*, const v1::WhyJobRequest* request,
                        v1::WhyJobResponse* response) override {
      return Give(fake.why, *request, response);
    }
    grpc::Status WatchJob(grpc::ServerContext*, const v1::WatchJobRequest*,
                          grpc::ServerWriter<v1::Job>* writer) override {
      if (fake.watches.empty()) return {grpc::StatusCode::INTERNAL, "the test expects no watch"};
      const Watch watch = fake.watches.front();
      if (fake.watches.size() > 1) fake.watches.erase(fake.watches.begin());
      for (const v1::Job& job : watch.first) {
        if (fake.before_watch_sends != nullptr) fake.before_watch_sends(job);
        writer->Write(job);
      }
      return watch.second;
    }
    FakeScheduler& fake;
  };

  struct Nodes : v1::NodeService::Service {
    explicit Nodes(FakeScheduler& fake) : fake(fake) {}
    grpc::Status ListNodes(grpc::ServerContext*, const v1::ListNodesRequest* request,
                           v1::ListNodesResponse* response) override {
      return Give(fake.nodes, *request, response);
    }
    grpc::Status DrainNode(grpc::ServerContext*, const v1::DrainNodeRequest* request,
                           v1::Node* node) override {
      return Give(fake.drain, *request, node);
    }
    grpc::Status UndrainNode(grpc::ServerContext*, const v1::UndrainNodeRequest* request,
                             v1::Node* node) override {
      return Give(fake.undrain, *request, node);
    }
    grpc::Status ListTeams(grpc::ServerContext*, const v1::ListTeamsRequest* request,
                           v1::ListTeamsResponse* response) override {
      return Give(fake.teams, *request, response);
    }
    FakeScheduler& fake;
  };

  struct Artifacts : v1::ArtifactService::Service {
    explicit Artifacts(FakeScheduler& fake) : fake(fake) {}
    grpc::Status ListArtifacts(grpc::ServerContext*, const v1::ListArtifactsRequest* request,
                               v1::ListArtifactsResponse* response) override {
      return Give(fake.artifacts, *request, response);
    }
    grpc::Status ReadArtifact(grpc::ServerContext*, const v1::ReadArtifactRequest* request,
                              grpc::ServerWriter<v1::ReadArtifactResponse>* writer) override {
      const auto [data, status] = fake.read_artifact(request->offset());
      v1::ReadArtifactResponse piece;
      piece.set_data(data);
      if (!data.empty()) writer->Write(piece);
      return status;
    }
    FakeScheduler& fake;
  };

  struct Logs : v1::LogService::Service {
    explicit Logs(FakeScheduler& fake) : fake(fake) {}
    grpc::Status ReadLog(grpc::ServerContext*, const v1::ReadLogRequest* request,
                         grpc::ServerWriter<v1::ReadLogResponse>* writer) override {
      if (request->all_ranks()) return ReadAllRanks(*request, writer);
      const auto [data, status] = fake.read_log(request->offset());
      v1::ReadLogResponse piece;
      piece.set_data(data);
      piece.set_next_offset(request->offset() + static_cast<int64_t>(data.size()));
      piece.set_attempt(1);
      if (!data.empty()) writer->Write(piece);
      return status;
    }
    grpc::Status ReadAllRanks(const v1::ReadLogRequest& request,
                              grpc::ServerWriter<v1::ReadLogResponse>* writer) const {
      if (fake.read_all_ranks == nullptr) return grpc::Status::OK;
      const auto [pieces, status] = fake.read_all_ranks(request);
      for (const v1::ReadLogResponse& piece : pieces) writer->Write(piece);
      return status;
    }
    FakeScheduler& fake;
  };

  // What answers wrote on gRPC's threads is seen by the test after the command.
  static inline std::atomic<int> answers_ = 0;
  TempFolder folder_;
  Jobs job_service_{*this};
  Nodes node_service_{*this};
  Artifacts artifact_service_{*this};
  Logs log_service_{*this};
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace octet::client

#endif  // OCTET_TESTS_CLIENT_FAKE_SCHEDULER_H_
