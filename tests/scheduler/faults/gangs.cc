#include "tests/scheduler/faults/gangs.h"

#include <algorithm>
#include <array>

#include "google/protobuf/util/time_util.h"

namespace octet::scheduler::faults {
namespace {

std::string StageKey(const v1::StartAttempt& start) {
  return absl::StrCat(start.ref().job_id(), "/", start.stage());
}

v1::RanksEnded Failed(v1::FailureClass failure_class, bool secondary) {
  v1::RanksEnded ended;
  v1::Failure& failure = *ended.mutable_failure();
  failure.set_failure_class(failure_class);
  failure.set_message(absl::StrCat(secondary ? "echo of " : "", "a failure of class ",
                                   v1::FailureClass_Name(failure_class)));
  failure.set_secondary(secondary);
  return ended;
}

}  // namespace

absl::Duration Gangs::WorkOf(const v1::StartAttempt& start) const {
  const std::string& name = start.spec().name();
  const auto found = work_.find(name);
  if (found == work_.end()) return absl::Seconds(1);
  const auto done = done_.find(StageKey(start));
  return done == done_.end() ? found->second
                             : std::max(found->second - done->second, absl::Milliseconds(10));
}

void Gangs::Join(const std::string& node, PartEnd* part, const v1::StartAttempt& start) {
  const Key key(start.ref().job_id(), start.ref().attempt());
  Gang& gang = gangs_[key];
  if (!gang.members.emplace(node, Member{part, start}).second) return;
  gang.ranks += start.ranks_size();
  if (gang.ranks == start.world_size() && !gang.broken) Work(key);
}

void Gangs::Work(const Key& key) {
  Gang& gang = gangs_[key];
  gang.works = true;
  gang.since = loop_.now();
  const v1::StartAttempt& start = gang.members.begin()->second.start;
  const absl::Duration work = WorkOf(start);
  loop_.Trace(key.first, "/", key.second, " works, for ", absl::FormatDuration(work));
  if (weather_.Has(loop_, weather_.rank_fails)) {
    const absl::Duration most = std::min(work, absl::Seconds(60));
    loop_.After(loop_.Between({}, most), [this, key] { FailSome(key); });
  }
  if (work == absl::InfiniteDuration()) return;
  loop_.After(work, [this, key] { Finish(key); });
  if (start.stage() == "train") loop_.After(loop_.Between({}, work), [this, key] { Save(key); });
}

void Gangs::Save(const Key& key) {
  const auto gang = gangs_.find(key);
  if (gang == gangs_.end() || !gang->second.works) return;
  const v1::StartAttempt& start = gang->second.members.begin()->second.start;
  const absl::Duration done = loop_.now() - gang->second.since;
  done_[StageKey(start)] += done;
  gang->second.since = loop_.now();
  v1::AttemptReport saved;
  const int64_t step = absl::ToInt64Milliseconds(done_[StageKey(start)]);
  saved.mutable_checkpoint()->set_artifact(absl::StrCat("checkpoints/step-", step));
  saved.mutable_checkpoint()->set_step(step);
  Report(key, saved);
  v1::AttemptReport progress;
  *progress.mutable_progress()->mutable_remaining() =
      google::protobuf::util::TimeUtil::MillisecondsToDuration(
          absl::ToInt64Milliseconds(WorkOf(start)));
  const double part = work_.contains(start.spec().name())
                          ? absl::FDivDuration(done_[StageKey(start)], work_[start.spec().name()])
                          : 1;
  progress.mutable_progress()->set_epoch(part * start.spec().train().epochs());
  progress.mutable_progress()->set_top1(1 + loop_.Below(90));
  Report(key, progress);
  loop_.After(loop_.Between(absl::Milliseconds(50), absl::Seconds(10)), [this, key] { Save(key); });
}

void Gangs::Report(const Key& key, const v1::AttemptReport& event) {
  const std::map<std::string, Member> members = gangs_.at(key).members;
  for (const auto& [node, member] : members)
    if (member.start.ranks(0) == 0) member.end->OnWork(member.start, event);
}

void Gangs::Finish(const Key& key) {
  const auto gang = gangs_.find(key);
  if (gang == gangs_.end() || !gang->second.works) return;
  v1::RanksEnded ended;
  ended.set_succeeded(true);
  const std::map<std::string, Member> members = gang->second.members;
  for (const auto& [node, member] : members)
    Tell(key, node, loop_.Between({}, absl::Milliseconds(20)), ended);
}

void Gangs::FailSome(const Key& key) {
  const auto gang = gangs_.find(key);
  if (gang == gangs_.end() || !gang->second.works) return;
  auto victim = gang->second.members.begin();
  std::advance(victim, loop_.Below(static_cast<int>(gang->second.members.size())));
  constexpr std::array kClasses = {v1::FAILURE_CLASS_JOB,       v1::FAILURE_CLASS_RANK_LOST,
                                   v1::FAILURE_CLASS_RANK_LOST, v1::FAILURE_CLASS_OUT_OF_MEMORY,
                                   v1::FAILURE_CLASS_HUNG_RANK, v1::FAILURE_CLASS_INFRASTRUCTURE};
  Tell(key, victim->first, {}, Failed(kClasses[loop_.Below(kClasses.size())], false));
}

void Gangs::Tell(const Key& key, const std::string& node, absl::Duration after,
                 const v1::RanksEnded& ended) {
  loop_.After(after, [=, this] {
    const auto gang = gangs_.find(key);
    if (gang == gangs_.end()) return;
    const auto member = gang->second.members.find(node);
    if (member == gang->second.members.end()) return;
    const Member told = member->second;
    told.end->OnFate(told.start, ended);
  });
}

void Gangs::Leave(const std::string& node, const v1::StartAttempt& start, bool saved) {
  const Key key(start.ref().job_id(), start.ref().attempt());
  const auto gang = gangs_.find(key);
  if (gang == gangs_.end() || !gang->second.members.contains(node)) return;
  if (saved && start.stage() == "train" && gang->second.works)
    done_[StageKey(start)] += loop_.now() - gang->second.since;
  gang->second.members.erase(node);
  gang->second.works = false;
  gang->second.broken = true;
  if (gang->second.members.empty()) {
    gangs_.erase(gang);
  } else {
    Break(key);
  }
}

// Peers notice in the next collective, or hang until they are stopped.
void Gangs::Break(const Key& key) {
  if (loop_.Chance(0.5)) return;
  const std::map<std::string, Member> members = gangs_.at(key).members;
  for (const auto& [node, member] : members)
    Tell(key, node, loop_.Between(absl::Milliseconds(50), absl::Seconds(3)),
         Failed(v1::FAILURE_CLASS_RANK_LOST, true));
}

}  // namespace octet::scheduler::faults
