// Lives through seeds, and says how to replay the one that fails.
#include <cstdint>
#include <cstdio>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/log.h"
#include "common/random.h"
#include "tests/scheduler/faults/mutant.h"
#include "tests/scheduler/faults/world.h"

namespace octet::scheduler::faults {
namespace {

constexpr char kUsage[] =
    "usage: %s [--seeds N] [--first SEED] [--seed SEED [--trace]] [--twice] [--mutant NAME]\n"
    "  --seeds N     lives through N seeds (1000), from --first (1) on\n"
    "  --seed SEED   lives through this one; --trace prints all that happens in it\n"
    "  --twice       each seed twice, which must give the same history\n"
    "  --mutant NAME switches on a mutation, which one of the seeds must find\n";

struct Flags {
  uint64_t first = 1, seeds = 1000;
  bool trace = false, twice = false;
};

bool Parse(int argc, char** argv, Flags& flags) {
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    uint64_t* number = flag == "--seeds" ? &flags.seeds : &flags.first;
    if (flag == "--trace") {
      flags.trace = true;
    } else if (flag == "--twice") {
      flags.twice = true;
    } else if (flag == "--mutant" && i + 1 < argc) {
      mutant = argv[++i];
    } else if ((flag == "--seeds" || flag == "--first" || flag == "--seed") && i + 1 < argc) {
      if (!absl::SimpleAtoi(argv[++i], number)) return false;
      if (flag == "--seed") flags.seeds = 1;
    } else {
      return false;
    }
  }
  return true;
}

// The seed's outcome; with --twice of two histories that must be one.
Outcome Live(uint64_t seed, const Flags& flags) {
  Outcome outcome = RunSeed(seed, flags.trace);
  if (flags.twice && outcome.failure.empty() &&
      RunSeed(seed, false).fingerprint != outcome.fingerprint)
    outcome.failure = "the same seed gives another history";
  return outcome;
}

// A mutant is to be found: then the failure is the success.
int Fail(uint64_t seed, const Outcome& outcome, const std::string& program) {
  const std::string replay =
      mutant.empty() ? program : absl::StrCat(program, " --mutant ", std::string(mutant));
  std::printf("seed %llu fails after %.3f s: %s\nreplay it with: %s --seed %llu --trace\n",
              static_cast<unsigned long long>(seed), outcome.seconds, outcome.failure.c_str(),
              replay.c_str(), static_cast<unsigned long long>(seed));
  return mutant.empty() ? 1 : 0;
}

int Run(const Flags& flags, const std::string& program) {
  const absl::Time start = absl::Now();
  Outcome all;
  for (uint64_t seed = flags.first; seed < flags.first + flags.seeds; ++seed) {
    const Outcome outcome = Live(seed, flags);
    if (!outcome.failure.empty()) return Fail(seed, outcome, program);
    all.seconds += outcome.seconds;
    all.events += outcome.events;
    all.jobs += outcome.jobs;
    all.fingerprint = Mix64(all.fingerprint ^ outcome.fingerprint);
  }
  std::printf(
      "%llu seeds from %llu on hold: %d jobs, %lld events, %.1f h of virtual time in %.1f s; "
      "fingerprint %016llx\n",
      static_cast<unsigned long long>(flags.seeds), static_cast<unsigned long long>(flags.first),
      all.jobs, static_cast<long long>(all.events), all.seconds / 3600,
      absl::ToDoubleSeconds(absl::Now() - start), static_cast<unsigned long long>(all.fingerprint));
  if (mutant.empty()) return 0;
  std::printf("no seed finds %s\n", std::string(mutant).c_str());
  return 1;
}

}  // namespace
}  // namespace octet::scheduler::faults

int main(int argc, char** argv) {
  octet::scheduler::faults::Flags flags;
  if (!octet::scheduler::faults::Parse(argc, argv, flags)) {
    std::fprintf(stderr, octet::scheduler::faults::kUsage, argv[0]);
    return 2;
  }
  spdlog::set_level(spdlog::level::off);
  return octet::scheduler::faults::Run(flags, argv[0]);
}
