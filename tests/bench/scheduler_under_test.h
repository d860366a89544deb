// A scheduler of its own for a benchmark: a real process, on its Unix
// socket: over a network a connection speaks for one node or person only.
#ifndef OCTET_TESTS_BENCH_SCHEDULER_UNDER_TEST_H_
#define OCTET_TESTS_BENCH_SCHEDULER_UNDER_TEST_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/process.h"
#include "grpcpp/channel.h"
#include "octet/v1/jobs.pb.h"

namespace octet::bench {

/// Ends, with its folder, when it is destroyed. Exits the program with a
/// message where it cannot start: a benchmark has nothing else to do then.
class SchedulerUnderTest {
 public:
  /// env: added to its environment.
  explicit SchedulerUnderTest(std::map<std::string, std::string> env = {});
  ~SchedulerUnderTest();

  /// A connection of its own.
  std::shared_ptr<grpc::Channel> Connect() const;
  /// Resident memory, in MiB: now, and at most so far.
  double RssMib() const { return StatusMib("VmRSS:"); }
  double PeakRssMib() const { return StatusMib("VmHWM:"); }
  /// CPU time used so far, in seconds.
  double CpuSeconds() const;

 private:
  double StatusMib(const std::string& field) const;

  std::string dir_, address_;
  std::unique_ptr<Process> process_;
};

/// A job that runs `true` on one CPU slot.
v1::JobSpec SmallJob();

/// The value below which `part` of the sorted values lie; 0 for none.
double Quantile(const std::vector<double>& sorted, double part);

}  // namespace octet::bench

#endif  // OCTET_TESTS_BENCH_SCHEDULER_UNDER_TEST_H_
