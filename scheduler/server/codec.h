// Between the API's messages and the core's values.
#ifndef OCTET_SCHEDULER_SERVER_CODEC_H_
#define OCTET_SCHEDULER_SERVER_CODEC_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "octet/v1/agents.pb.h"
#include "octet/v1/events.pb.h"
#include "octet/v1/jobs.pb.h"
#include "octet/v1/nodes.pb.h"
#include "scheduler/core/core.h"

namespace octet::scheduler {

/// A job as the core has it, and what is known beside it.
struct JobView {
  Job job;
  std::vector<PendingReason> reasons;         // while it waits
  std::optional<v1::TrainProgress> progress;  // newer than the stored one
  int64_t version = 0;                        // grows with every change

  bool ended() const { return IsFinal(job.state); }
};

/// Keys of Job::results; the values are serialized messages.
inline constexpr char kProgressResult[] = "progress";      // TrainProgress
inline constexpr char kTrainResult[] = "train";            // TrainResult
inline constexpr char kTargetResultPrefix[] = "target/";   // TargetResult, and its target
inline constexpr char kRendezvousResult[] = "rendezvous";  // RendezvousReady, newest attempt

/// The node label that says which switch the node hangs on.
inline constexpr char kSwitchLabel[] = "switch";

/// 42 is "j42".
std::string FormatJobId(JobId id);
/// NOT_FOUND: there can be no such job.
absl::StatusOr<JobId> ParseJobId(const std::string& text);
/// "running": how people write a state in filters, events and metrics.
std::string Name(JobState state);
absl::StatusOr<JobState> ParseJobState(const std::string& name);

v1::JobState ToProto(JobState state);
JobState FromProto(v1::JobState state);
v1::AttemptState ToProto(AttemptState state);
AttemptState FromProto(v1::AttemptState state);
v1::Failure ToProto(const Failure& failure);
Failure FromProto(const v1::Failure& failure);

google::protobuf::Timestamp ToTimestamp(absl::Time time);
absl::Time ToTime(const google::protobuf::Timestamp& time);
google::protobuf::Duration ToDuration(absl::Duration duration);

/// spec: with its defaults filled in, valid. trials: of a sweep, likewise, of
/// which spec is one; empty: none.
JobSubmitted ToSubmission(const v1::JobSpec& spec, const std::string& owner,
                          const std::vector<v1::JobSpec>& trials = {});
v1::Job ToProto(const JobView& view);
v1::PendingReason ToProto(const PendingReason& reason);
v1::Drain ToProto(const Drain& drain);
v1::Team ToProto(const std::string& name, const Team& team, double mean_slots);

/// What a hello says of its node.
NodeConnected FromProto(const v1::AgentHello& hello);
v1::Node ToProto(const Node& node);

AttemptRef FromProto(const v1::AttemptRef& ref);  // kNoJob where the id is none
v1::AttemptRef ToProto(const AttemptRef& ref);
/// The report as an event of the core; nullopt for a progress, which is only
/// shown, unless it is numbered: then it says where the training resumed.
std::optional<Event> FromProto(const v1::AttemptReport& report, const std::string& node);

/// job: whose live attempt it is.
v1::StartAttempt ToProto(const StartAttempt& start, const Job& job);
v1::StopAttempt ToProto(const StopAttempt& stop);

/// Without its sequence, which the store gives.
v1::Event ToProto(const HistoryLine& line);

}  // namespace octet::scheduler

#endif  // OCTET_SCHEDULER_SERVER_CODEC_H_
