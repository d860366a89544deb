// Whom an export tells what it has done.
#ifndef OCTET_WORKER_EXPORTER_REPORTER_H_
#define OCTET_WORKER_EXPORTER_REPORTER_H_

#include <memory>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "octet/v1/jobs.pb.h"
#include "octet/v1/ranks.pb.h"

namespace octet::exporter {

/// Not thread-safe. A call that fails ends the export: nobody listens.
class Reporter {
 public:
  virtual ~Reporter() = default;
  /// A target is done, well or not.
  virtual absl::Status Target(const v1::TargetResult& result) = 0;
  /// A file is complete. artifact: its path in the job's folder, and its name.
  virtual absl::Status File(const std::string& artifact) = 0;
  /// The export is about to end without success.
  virtual absl::Status Failed(const v1::Failure& failure) = 0;
};

/// Reports to the agent of this node as rank `ref`.
/// address: such as "unix:/path/ranks.sock".
/// UNAVAILABLE: the agent does not answer; FAILED_PRECONDITION: the attempt is
/// over.
/// key: the attempt's, by which the agent knows its ranks.
std::unique_ptr<Reporter> ReportToAgent(const std::string& address, const v1::RankRef& ref,
                                        const std::string& key = "");

/// Writes one JSON TargetResult a line; the rest is in the log and exit code.
/// out outlives the reporter.
std::unique_ptr<Reporter> ReportToStream(std::ostream& out);

}  // namespace octet::exporter

#endif  // OCTET_WORKER_EXPORTER_REPORTER_H_
