#include "tests/bench/scheduler_under_test.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/files.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"

namespace octet::bench {
namespace {

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "benchmark: %s\n", why.c_str());
  std::exit(1);
}

// What a daemon's "listening on ADDRESS" line says; waits for it.
std::string AwaitAddress(const std::string& file) {
  constexpr char kLine[] = "listening on ";
  for (int tries = 0; tries < 1000; ++tries) {
    const std::string text = ReadFile(file).value_or("");
    const size_t found = text.find(kLine);
    const size_t end = text.find('\n', found);
    if (found != std::string::npos && end != std::string::npos)
      return text.substr(found + sizeof(kLine) - 1, end - found - sizeof(kLine) + 1);
    absl::SleepFor(absl::Milliseconds(10));
  }
  Fail("the scheduler does not listen: " + ReadFile(file).value_or(""));
}

}  // namespace

SchedulerUnderTest::SchedulerUnderTest(std::map<std::string, std::string> env) {
  dir_ = "/tmp/octet-bench.XXXXXX";
  const auto programs = ProgramFolder();
  if (!programs.ok() || mkdtemp(dir_.data()) == nullptr) Fail("no folder for the scheduler");
  const std::string out = dir_ + "/out";
  auto process = Process::Spawn({.argv = {*programs + "/octet-scheduler", "--dir", dir_},
                                 .env = std::move(env),
                                 .out = ChildOutput::File(out),
                                 .err = ChildOutput::File(out)});
  if (!process.ok()) Fail(std::string(process.status().message()));
  process_ = *std::move(process);
  address_ = AwaitAddress(out);
}

SchedulerUnderTest::~SchedulerUnderTest() {
  process_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(dir_, ignored);
}

std::shared_ptr<grpc::Channel> SchedulerUnderTest::Connect() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments);
}

double SchedulerUnderTest::StatusMib(const std::string& field) const {
  std::ifstream status(absl::StrCat("/proc/", process_->pid(), "/status"));
  std::string word;
  while (status >> word)
    if (word == field) break;
  double kib = 0;
  status >> kib;
  return kib / 1024;
}

double SchedulerUnderTest::CpuSeconds() const {
  const std::string stat = ReadFile(absl::StrCat("/proc/", process_->pid(), "/stat")).value_or("");
  // utime and stime are the 12th and 13th after the name, see proc(5).
  std::istringstream rest(stat.substr(stat.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) rest >> skipped;
  double user = 0, system = 0;
  rest >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

v1::JobSpec SmallJob() {
  v1::JobSpec spec;
  spec.set_name("small");
  spec.mutable_command()->add_argv("true");
  spec.mutable_command()->mutable_gang()->set_resource("cpu");
  return spec;
}

double Quantile(const std::vector<double>& sorted, double part) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<size_t>(part * static_cast<double>(sorted.size() - 1))];
}

}  // namespace octet::bench
