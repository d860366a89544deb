#include "worker/exporter/reporter.h"

#include <chrono>

#include "common/grpc_status.h"
#include "common/status.h"
#include "google/protobuf/util/json_util.h"
#include "grpcpp/create_channel.h"
#include "octet/v1/ranks.grpc.pb.h"
#include "worker/isolation/attempt_key.h"

namespace octet::exporter {
namespace {

// Over a Unix socket of the same machine: a longer silence means a dead agent.
constexpr std::chrono::seconds kTimeout(30);

class AgentReporter : public Reporter {
 public:
  AgentReporter(const std::string& address, const v1::RankRef& ref, const std::string& key)
      : stub_(v1::RankService::NewStub(
            grpc::CreateChannel(address, grpc::InsecureChannelCredentials()))),
        ref_(ref),
        key_(key) {}

  absl::Status Target(const v1::TargetResult& result) override {
    v1::RankReport report;
    *report.mutable_target_result() = result;
    return Send(report);
  }

  absl::Status File(const std::string& artifact) override {
    v1::RankReport report;
    report.mutable_file()->set_path(artifact);
    report.mutable_file()->set_artifact(artifact);
    return Send(report);
  }

  absl::Status Failed(const v1::Failure& failure) override {
    v1::RankReport report;
    *report.mutable_failure() = failure;
    return Send(report);
  }

 private:
  absl::Status Send(v1::RankReport& report) {
    *report.mutable_ref() = ref_;
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(std::chrono::system_clock::now() + kTimeout);
    context.AddMetadata(isolation::kAttemptKeyMetadata, key_);
    v1::RankReportResponse response;
    return Annotate(FromGrpc(stub_->Report(&context, report, &response)), "reporting to the agent");
  }

  const std::unique_ptr<v1::RankService::Stub> stub_;
  const v1::RankRef ref_;
  const std::string key_;
};

class StreamReporter : public Reporter {
 public:
  explicit StreamReporter(std::ostream& out) : out_(out) {}

  absl::Status Target(const v1::TargetResult& result) override {
    google::protobuf::util::JsonPrintOptions options;
    options.preserve_proto_field_names = true;
    options.always_print_primitive_fields = true;
    std::string json;
    const auto printed = google::protobuf::util::MessageToJsonString(result, &json, options);
    if (!printed.ok()) return absl::InternalError(std::string(printed.message()));
    out_ << json << std::endl;
    return absl::OkStatus();
  }

  absl::Status File(const std::string&) override { return absl::OkStatus(); }
  absl::Status Failed(const v1::Failure&) override { return absl::OkStatus(); }

 private:
  std::ostream& out_;
};

}  // namespace

std::unique_ptr<Reporter> ReportToAgent(const std::string& address, const v1::RankRef& ref,
                                        const std::string& key) {
  return std::make_unique<AgentReporter>(address, ref, key);
}

std::unique_ptr<Reporter> ReportToStream(std::ostream& out) {
  return std::make_unique<StreamReporter>(out);
}

}  // namespace octet::exporter
