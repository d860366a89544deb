#include <functional>

#include "absl/strings/str_cat.h"
#include "common/text.h"
#include "scheduler/core/policy.h"

namespace octet::scheduler {
namespace {

using Maker = std::shared_ptr<const Policy> (*)();

const std::map<std::string, Maker>& Makers() {
  static const std::map<std::string, Maker> makers = {
      {"backfill", &NewBackfill},     {"elastic", &NewElastic},
      {"fair_share", &NewFairShare},  {"least_attained_service", &NewLeastAttainedService},
      {"preemption", &NewPreemption}, {"priority", &NewPriority},
      {"quota", &NewQuota},           {"shortest_first", &NewShortestFirst},
  };
  return makers;
}

}  // namespace

absl::StatusOr<PolicySet> MakePolicies(const std::vector<std::string>& names) {
  PolicySet policies;
  if (names.size() > kMostPolicies)
    return absl::InvalidArgumentError(
        absl::StrCat(names.size(), " scheduling policies; a set has at most ", kMostPolicies));
  for (const std::string& name : names) {
    const auto maker = Makers().find(name);
    if (maker == Makers().end()) {
      std::vector<std::string> known;
      for (const auto& [each, unused] : Makers()) known.push_back(each);
      return absl::InvalidArgumentError(
          absl::StrCat("there is no scheduling policy \"", name, "\"", DidYouMean(name, known)));
    }
    policies.push_back(maker->second());
  }
  return policies;
}

std::vector<std::string> DefaultPolicies() {
  return {"quota", "fair_share", "priority", "shortest_first", "backfill", "preemption", "elastic"};
}

}  // namespace octet::scheduler
