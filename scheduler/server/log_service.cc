#include "scheduler/server/log_service.h"

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "scheduler/server/handler.h"

namespace octet::scheduler {
namespace {

constexpr int64_t kChunkBytes = 64 << 10;

// What one call has read, and what it still has to.
class LogReader {
 public:
  LogReader(const Controller& controller, const LogStore& logs, const v1::ReadLogRequest& request)
      : controller_(controller),
        logs_(logs),
        request_(request),
        log_{.job_id = request.job_id(), .attempt = request.attempt(), .rank = request.rank()},
        offset_(request.offset()) {}

  Pulled Pull(v1::ReadLogResponse& response) {
    // Looked at before the log: bytes that arrive later are not waited for.
    const auto attempt = controller_.FindAttempt(log_.job_id, log_.attempt);
    if (!attempt.ok()) return NoAttempt(attempt.status());
    log_.attempt = attempt->attempt;  // From now on the same, also if a newer one starts.
    const auto found = request_.all_ranks() ? ReadAny(attempt->ranks, response)
                                            : ReadOne(log_, request_.stream(), offset_, response);
    if (!found.ok()) return {Pulled::kEnd, found.status()};
    if (!*found) return {request_.follow() && !attempt->ended ? Pulled::kNothingYet : Pulled::kEnd};
    response.set_attempt(log_.attempt);
    return {Pulled::kMessage};
  }

 private:
  // Who follows the newest attempt of a job that waits, waits with it.
  Pulled NoAttempt(const absl::Status& status) const {
    const auto job = controller_.GetJob(log_.job_id);
    if (request_.follow() && log_.attempt == 0 && job.ok() && !job->ended())
      return {Pulled::kNothingYet};
    return {Pulled::kEnd, status};
  }

  // False: there is nothing new.
  absl::StatusOr<bool> ReadOne(const RankLog& log, const std::string& stream, int64_t& offset,
                               v1::ReadLogResponse& response) const {
    ASSIGN_OR_RETURN(std::string data, logs_.Read(log, stream, offset, kChunkBytes));
    if (data.empty()) return false;
    offset += static_cast<int64_t>(data.size());
    response.set_data(std::move(data));
    response.set_next_offset(offset);
    return true;
  }

  // The next piece of any rank; goes around, so that a talkative one does not
  // keep the others from being heard.
  absl::StatusOr<bool> ReadAny(int ranks, v1::ReadLogResponse& response) {
    const int logs = 2 * ranks;
    for (int i = 0; i < logs; ++i) {
      next_ = (next_ + 1) % logs;
      RankLog log = log_;
      log.rank = next_ / 2;
      const std::string stream = next_ % 2 == 0 ? "stdout" : "stderr";
      if (!request_.stream().empty() && request_.stream() != stream) continue;
      const std::string key = absl::StrCat(log.rank, "/", stream);
      const auto asked = request_.offsets().find(key);
      int64_t& offset =
          offsets_.try_emplace(key, asked == request_.offsets().end() ? 0 : asked->second)
              .first->second;
      ASSIGN_OR_RETURN(const bool found, ReadOne(log, stream, offset, response));
      if (!found) continue;
      response.set_rank(log.rank);
      response.set_stream(stream);
      return true;
    }
    return false;
  }

  const Controller& controller_;
  const LogStore& logs_;
  const v1::ReadLogRequest request_;
  RankLog log_;
  int64_t offset_;
  int next_ = -1;                           // of all ranks' stdout and stderr
  std::map<std::string, int64_t> offsets_;  // by rank and stream
};

}  // namespace

grpc::ServerWriteReactor<v1::ReadLogResponse>* LogService::ReadLog(
    grpc::CallbackServerContext* context, const v1::ReadLogRequest* request) {
  const auto call = gate_.Admit(*context, "LogService/ReadLog", request);
  if (!call.ok()) return Refuse<v1::ReadLogResponse>(call.status());
  auto* stream = new SourceStream<v1::ReadLogResponse>(
      [reader = LogReader(controller_, logs_, *request)](v1::ReadLogResponse& response) mutable {
        return reader.Pull(response);
      });
  std::vector<Notifier::Subscription> subscriptions;
  if (request->follow()) {
    const auto wake = [stream] { stream->Wake(); };
    subscriptions.push_back(controller_.Subscribe(request->job_id(), wake));
    subscriptions.push_back(logs_.Subscribe(request->job_id(), wake));
  }
  stream->Start(std::move(subscriptions));
  return stream;
}

}  // namespace octet::scheduler
