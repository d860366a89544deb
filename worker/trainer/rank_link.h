// What a rank says to whoever started it.
#ifndef OCTET_WORKER_TRAINER_RANK_LINK_H_
#define OCTET_WORKER_TRAINER_RANK_LINK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "worker/trainer/failure.h"

namespace octet::trainer {

/// Mean seconds of a step, averaged over ranks unless it is said to be of one.
struct StepTime {
  double total = 0;
  double data = 0;           // waiting for input
  double compute = 0;        // forward, backward and update
  double communication = 0;  // waiting for the all-reduce that compute did not hide
};

/// Percentages are 0 to 100; FLOPS are counted as model::FlopsPerImage says,
/// a training image kTrainingFlopsFactor times its forward pass.
struct Progress {
  int64_t step = 0, total_steps = 0;
  double epoch = 0;
  double loss = 0, train_top1 = 0;  // of the newest step's batch
  double top1 = 0;                  // of the last evaluation; 0: none yet
  double images_per_s = 0, flops_per_s = 0;
  double learning_rate = 0;
  StepTime step_time;
  StepTime rank_step_time;  // this rank's own
  absl::Duration remaining = absl::ZeroDuration();
};

/// A file is whole. path: on this node; artifact: its name in the job.
struct FileReady {
  std::string path, artifact;
  int64_t checkpoint_step = 0;
};

struct Result {
  double top1 = 0, loss = 0;  // on the whole test split
  int64_t steps = 0, test_images = 0;
  double images_per_s = 0, flops_per_s = 0;
  int64_t parameters = 0, flops_per_image = 0;
  std::string weights_sha256;
  int world_size = 0;
};

struct Resumed {
  int64_t step = 0;
};

using Report = std::variant<Progress, FileReady, Result, Failure, Resumed>;

/// Not thread-safe.
class RankLink {
 public:
  virtual ~RankLink() = default;
  /// Rank 0: tells the others at which port of this host it listens.
  virtual absl::Status OpenRendezvous(int port) = 0;
  /// Other ranks: rank 0's "host:port". DEADLINE_EXCEEDED: not announced within
  /// `wait`.
  virtual absl::StatusOr<std::string> GetRendezvous(absl::Duration wait) = 0;
  /// In order. UNAVAILABLE: nobody listens; ABORTED: this attempt is over, leave.
  virtual absl::Status Send(const Report& report) = 0;
};

/// To the agent at `address` ("unix:PATH"), for this rank of this attempt. key:
/// the attempt's, by which the agent knows its ranks.
std::unique_ptr<RankLink> AgentLink(const std::string& address, const std::string& job, int attempt,
                                    int rank, const std::string& key = "");

/// For ranks that are started by hand: reports are lines of JSON on stdout
/// (rank 0 only), and rank 0's endpoint passes through the file `rendezvous`,
/// which must not exist before. rendezvous may be empty for a single rank.
std::unique_ptr<RankLink> LocalLink(const std::string& rendezvous, int rank);

}  // namespace octet::trainer

#endif  // OCTET_WORKER_TRAINER_RANK_LINK_H_
