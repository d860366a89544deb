#include "client/artifacts.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "client/call.h"
#include "client/output.h"
#include "octet/v1/artifacts.grpc.pb.h"

namespace octet::client {
namespace {

absl::StatusOr<int> Artifacts(Context& context, const std::string& job) {
  v1::ListArtifactsRequest request;
  request.set_job_id(job);
  ASSIGN_OR_RETURN(
      const v1::ListArtifactsResponse response,
      Call<v1::ArtifactService>(context, "ListArtifacts",
                                &v1::ArtifactService::StubInterface::ListArtifacts, request));
  if (PrintList(context, response.artifacts())) return kOk;
  if (response.artifacts().empty()) {
    context.err << "Job " << job << " has no artifacts yet.\n";
    return kOk;
  }
  const bool wide = context.format == OutputFormat::kWide;
  std::vector<std::string> header = {"NAME", "SIZE", "AGE"};
  if (wide) header.insert(header.end(), {"BYTES", "SHA-256"});
  Table table(std::move(header));
  for (const v1::Artifact& artifact : response.artifacts()) {
    std::vector<std::string> row = {
        artifact.name(), FormatBytes(artifact.bytes()),
        ShortDuration(context.clock.Now() - ToTime(artifact.create_time()))};
    if (wide) {
      row.push_back(absl::StrCat(artifact.bytes()));
      row.push_back(artifact.sha256());
    }
    table.Add(std::move(row));
  }
  table.Print(context.out);
  return kOk;
}

}  // namespace

void AddArtifacts(Commands& commands) {
  auto job = std::make_shared<std::string>();
  CLI::App* app = commands.Add("artifacts", "List the files that a job left",
                               [=](Context& context) { return Artifacts(context, *job); });
  app->add_option("JOB", *job, "The job's id")->required();
}

}  // namespace octet::client
