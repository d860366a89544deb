#include <chrono>
#include <functional>

#include "absl/time/time.h"
#include "common/grpc_status.h"
#include "common/status.h"
#include "google/protobuf/util/time_util.h"
#include "grpcpp/grpcpp.h"
#include "octet/v1/ranks.grpc.pb.h"
#include "worker/isolation/attempt_key.h"
#include "worker/trainer/rank_link.h"

namespace octet::trainer {
namespace {

/// The agent is on this machine and stores what it is told: seconds are an
/// eternity, and a trainer that cannot report must not train on for nobody.
constexpr absl::Duration kCallTimeout = absl::Seconds(30);

void Fill(const StepTime& from, v1::StepTime& to) {
  to.set_total_s(from.total);
  to.set_data_s(from.data);
  to.set_compute_s(from.compute);
  to.set_communication_s(from.communication);
}

void Fill(const Progress& from, v1::TrainProgress& to) {
  to.set_step(from.step);
  to.set_total_steps(from.total_steps);
  to.set_epoch(from.epoch);
  to.set_loss(from.loss);
  to.set_train_top1(from.train_top1);
  to.set_top1(from.top1);
  to.set_images_per_s(from.images_per_s);
  to.set_flops_per_s(from.flops_per_s);
  to.set_learning_rate(from.learning_rate);
  Fill(from.step_time, *to.mutable_step_time());
  *to.mutable_remaining() = google::protobuf::util::TimeUtil::NanosecondsToDuration(
      absl::ToInt64Nanoseconds(from.remaining));
}

void Fill(const Result& from, v1::TrainResult& to) {
  to.set_top1(from.top1);
  to.set_loss(from.loss);
  to.set_steps(from.steps);
  to.set_images_per_s(from.images_per_s);
  to.set_flops_per_s(from.flops_per_s);
  to.set_parameters(from.parameters);
  to.set_flops_per_image(from.flops_per_image);
  to.set_weights_sha256(from.weights_sha256);
  to.set_world_size(from.world_size);
  to.set_test_images(from.test_images);
}

void Fill(const Failure& from, int rank, v1::Failure& to) {
  to.set_failure_class(from.failure_class == FailureClass::kJob ? v1::FAILURE_CLASS_JOB
                                                                : v1::FAILURE_CLASS_INFRASTRUCTURE);
  to.set_message(from.message);
  to.set_rank(rank);
  to.set_exit_code(1);
  to.set_secondary(from.secondary);
}

class GrpcLink : public RankLink {
 public:
  GrpcLink(const std::string& address, const std::string& job, int attempt, int rank,
           const std::string& key)
      : key_(key),
        stub_(v1::RankService::NewStub(
            grpc::CreateChannel(address, grpc::InsecureChannelCredentials()))) {
    ref_.set_job_id(job);
    ref_.set_attempt(attempt);
    ref_.set_rank(rank);
  }

  absl::Status OpenRendezvous(int port) override {
    v1::OpenRendezvousRequest request;
    *request.mutable_ref() = ref_;
    request.set_port(port);
    v1::OpenRendezvousResponse response;
    return Tell([&](grpc::ClientContext* context) {
      return stub_->OpenRendezvous(context, request, &response);
    });
  }

  absl::StatusOr<std::string> GetRendezvous(absl::Duration wait) override {
    v1::GetRendezvousRequest request;
    *request.mutable_ref() = ref_;
    v1::GetRendezvousResponse response;
    RETURN_IF_ERROR(Call(wait, [&](grpc::ClientContext* context) {
      return stub_->GetRendezvous(context, request, &response);
    }));
    return response.endpoint();
  }

  absl::Status Send(const Report& report) override {
    v1::RankReport request;
    *request.mutable_ref() = ref_;
    std::visit([&](const auto& part) { Set(part, request); }, report);
    v1::RankReportResponse response;
    return Tell(
        [&](grpc::ClientContext* context) { return stub_->Report(context, request, &response); });
  }

 private:
  void Set(const Progress& from, v1::RankReport& to) {
    Fill(from, *to.mutable_progress());
    Fill(from.rank_step_time, *to.mutable_rank_step_time());
  }
  void Set(const Result& from, v1::RankReport& to) { Fill(from, *to.mutable_train_result()); }
  void Set(const Failure& from, v1::RankReport& to) {
    Fill(from, ref_.rank(), *to.mutable_failure());
  }
  void Set(const Resumed& from, v1::RankReport& to) { to.set_resumed_step(from.step); }
  void Set(const FileReady& from, v1::RankReport& to) {
    to.mutable_file()->set_path(from.path);
    to.mutable_file()->set_artifact(from.artifact);
    to.mutable_file()->set_checkpoint_step(from.checkpoint_step);
  }

  using Rpc = std::function<grpc::Status(grpc::ClientContext*)>;

  // DEADLINE_EXCEEDED would say that a peer is late, where it is the agent, and
  // FAILED_PRECONDITION that the job is at fault, where its attempt is over.
  absl::Status Tell(const Rpc& rpc) {
    absl::Status status = Call(kCallTimeout, rpc);
    if (absl::IsDeadlineExceeded(status)) return absl::UnavailableError(status.message());
    if (absl::IsFailedPrecondition(status)) return absl::AbortedError(status.message());
    return status;
  }

  absl::Status Call(absl::Duration timeout, const Rpc& rpc) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
    context.AddMetadata(isolation::kAttemptKeyMetadata, key_);
    return Annotate(FromGrpc(rpc(&context)), "the agent of this node");
  }

  v1::RankRef ref_;
  const std::string key_;
  const std::unique_ptr<v1::RankService::Stub> stub_;
};

}  // namespace

std::unique_ptr<RankLink> AgentLink(const std::string& address, const std::string& job, int attempt,
                                    int rank, const std::string& key) {
  return std::make_unique<GrpcLink>(address, job, attempt, rank, key);
}

}  // namespace octet::trainer
