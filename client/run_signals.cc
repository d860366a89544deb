#include "client/run_signals.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/call.h"
#include "octet/v1/jobs.grpc.pb.h"

namespace octet::client {
namespace {

constexpr absl::Duration kTwice = absl::Seconds(1);

bool EndsPrograms(int signal) { return signal != SIGUSR1 && signal != SIGUSR2; }

}  // namespace

const std::vector<int>& RunSignals::Forwarded() {
  static const std::vector<int> kSignals = {SIGINT,  SIGTERM, SIGQUIT, SIGHUP,
                                            SIGUSR1, SIGUSR2, SIGPIPE};
  return kSignals;
}

void RunSignals::Forward(SignalPipe& signals, const Bell& stop) {
  while (!stop.rung()) {
    if (const int signal = signals.Next(); signal != 0) {
      Handle(signal);
    } else {
      stop.WaitForInput(signals.fd());
    }
  }
}

void RunSignals::Handle(int signal) {
  if (signal == SIGPIPE) {
    if (cancelled_by_ == 0) Cancel(signal, "nobody reads its output");
    return;
  }
  if (signal != SIGINT) return Send(signal);
  if (cancelled_by_ != 0) {
    note_(
        absl::StrCat("job ", job_id_, " is left to end alone; `octet job ", job_id_, "` shows it"));
    _exit(128 + signal);  // Other threads wait for a job that takes its time.
  }
  const absl::Duration now = context_.clock.Steady();
  if (now - std::exchange(last_interrupt_, now) > kTwice) return Send(signal);
  note_(absl::StrCat("cancelling job ", job_id_, "; Ctrl-C again leaves it to end alone"));
  Cancel(signal, "interrupted");
}

void RunSignals::Send(int signal) {
  v1::SignalJobRequest request;
  request.set_job_id(job_id_);
  request.set_signal(signal);
  const auto sent = Call<v1::JobService>(context_, "SignalJob",
                                         &v1::JobService::StubInterface::SignalJob, request);
  if (sent.ok()) return;
  if (absl::IsFailedPrecondition(sent.status()) && EndsPrograms(signal))
    return Cancel(signal, absl::StrCat(SignalName(signal), " before it ran"));
  note_(absl::StrCat(SignalName(signal), " was not sent: ", sent.status().message()));
}

void RunSignals::Cancel(int signal, const std::string& reason) {
  v1::CancelJobRequest request;
  request.set_job_id(job_id_);
  request.set_reason(reason);
  cancelled_by_ = signal;
  const auto cancelled = Call<v1::JobService>(context_, "CancelJob",
                                              &v1::JobService::StubInterface::CancelJob, request);
  if (!cancelled.ok())
    note_(absl::StrCat("job ", job_id_, " is not cancelled: ", cancelled.status().message()));
}

}  // namespace octet::client
