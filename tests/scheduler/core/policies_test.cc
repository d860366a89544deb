#include "gmock/gmock.h"
#include "scheduler/core/policy.h"
#include "tests/scheduler/core/driver.h"

namespace octet::scheduler {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

JobSubmitted Wants(int slots, const std::string& team = kDefaultTeam, int priority = 0) {
  JobSubmitted event{.name = "job", .owner = "ada", .team = team, .priority = priority};
  event.stages.push_back({.name = "train", .gang = {.slots = slots}, .saves = true});
  return event;
}

JobSubmitted WithLimit(JobSubmitted event, absl::Duration limit) {
  event.time_limit = limit;
  return event;
}

JobSubmitted Elastic(JobSubmitted event, int min_slots) {
  event.stages[0].gang.min_slots = min_slots;
  return event;
}

JobId Submit(Driver& d, const JobSubmitted& event) {
  d.Do(event);
  return d.last.created;
}

CoreOptions Teams(std::map<std::string, TeamConfig> teams) { return {.teams = std::move(teams)}; }

/// What the node does when its part is told to stop.
void EndStopped(Driver& d, JobId id) { d.EndAll(id, false); }

// --- Order ---

TEST(PriorityTest, HigherGoesFirstAndEqualInOrderOfSubmission) {
  Driver d;
  d.Connect("n1", 1);
  const JobId runs = Submit(d, Wants(1, kDefaultTeam, 5));
  const JobId low = Submit(d, Wants(1)), high = Submit(d, Wants(1, kDefaultTeam, 2)),
              same = Submit(d, Wants(1, kDefaultTeam, 2));
  EXPECT_THAT(d.core.queue(), ElementsAre(high, same, low));
  d.EndAll(runs, true);
  EXPECT_TRUE(d.Runs(high));
}

TEST(FairShareTest, TheTeamThatUsesLessForItsWeightGoesFirst) {
  Driver d(Teams({{"big", {.weight = 3}}, {"small", {.weight = 1}}}));
  d.Connect("n1", 8);
  std::map<std::string, int> started;
  for (int i = 0; i < 16; ++i) {
    Submit(d, Wants(1, "small"));
    Submit(d, Wants(1, "big"));
  }
  // The first jobs came when nobody had anything; from here on shares decide.
  for (int i = 0; i < 8; ++i) {
    d.Pass(absl::Hours(100));
    for (const JobId id : std::set<JobId>(d.core.running())) d.EndAll(id, true);
  }
  for (const auto& [id, job] : d.core.jobs()) {
    (void)id;
    started[job.team] += !job.attempts.empty();
  }
  EXPECT_EQ(started["big"] + started["small"], 32);
}

TEST(FairShareTest, SharesTheSlotsByWeight) {
  Driver d(Teams({{"big", {.weight = 3}}, {"small", {.weight = 1}}}));
  for (int i = 0; i < 20; ++i) {
    Submit(d, Wants(1, "small"));
    Submit(d, Wants(1, "big"));
  }
  d.Connect("n1", 16);
  EXPECT_EQ(d.core.teams().Get("big").Used("cpu"), 12);
  EXPECT_EQ(d.core.teams().Get("small").Used("cpu"), 4);
}

TEST(FairShareTest, RemembersUseAndForgetsItWithTime) {
  Driver d(Teams({{"a", {}}, {"b", {}}}));
  d.Connect("n1", 1);
  const JobId first = Submit(d, Wants(1, "a"));
  d.Pass(absl::Hours(10));
  d.EndAll(first, true);
  const auto mean = [&] { return d.core.teams().MeanSlots(d.core.teams().Get("a"), d.now); };
  const double then = mean();
  EXPECT_GT(then, 0.2);
  d.Pass(d.core.options().fair_share_half_life);
  EXPECT_NEAR(mean(), then / 2, 1e-9);
  const JobId blocker = Submit(d, Wants(1, "b"));
  const JobId a = Submit(d, Wants(1, "a")), b = Submit(d, Wants(1, "b"));
  d.EndAll(blocker, true);
  EXPECT_TRUE(d.Runs(b)) << "a used more lately";
  EXPECT_FALSE(d.Runs(a));
}

TEST(FairShareTest, KnowsOfUseFromBeforeARestart) {
  Driver d(Teams({{"a", {}}, {"b", {}}}));
  d.Connect("n1", 1);
  const JobId id = Submit(d, Wants(1, "a"));
  d.Pass(absl::Hours(10));
  d.EndAll(id, true);
  const Core after(d.core.options(), d.Stored(), d.now);
  EXPECT_NEAR(after.teams().MeanSlots(after.teams().Get("a"), d.now),
              d.core.teams().MeanSlots(d.core.teams().Get("a"), d.now), 1e-9);
}

// --- Quotas ---

TEST(QuotaTest, ATeamThatAsksForItsOwnGoesBeforeABorrower) {
  Driver d(Teams({{"own", {.quota = {{"cpu", 4}}}}, {"guest", {.weight = 100}}}));
  d.Connect("n1", 4);
  const JobId runs = Submit(d, Wants(4, "guest"));
  const JobId guest = Submit(d, Wants(4, "guest"));
  d.EndAll(runs, true);
  d.EndAll(guest, true);
  const JobId last = Submit(d, Wants(4, "guest"));
  const JobId borrower = Submit(d, Wants(4, "guest"));
  const JobId own = Submit(d, Wants(4, "own"));
  EXPECT_THAT(d.core.queue(), ElementsAre(own, borrower));
  EXPECT_TRUE(d.Runs(last));
}

TEST(QuotaTest, NobodyUsesMoreThanItsLimit) {
  Driver d(Teams({{"a", {.limit = {{"cpu", 3}}}}}));
  d.Connect("n1", 8);
  Submit(d, Wants(2, "a"));
  const JobId waits = Submit(d, Wants(2, "a"));
  EXPECT_FALSE(d.Runs(waits));
  EXPECT_EQ(d.Reason(waits).code, PendingCode::kQuota);
  EXPECT_THAT(d.Why(waits), HasSubstr("team a uses 2 of at most 3 cpu slots"));
  EXPECT_THAT(d.core.NeverCan({.slots = 4}, "a"), HasSubstr("may use at most 3"));
}

TEST(QuotaTest, AnElasticJobStaysWithinTheLimit) {
  Driver d(Teams({{"a", {.limit = {{"cpu", 3}}}}}));
  d.Connect("n1", 8);
  EXPECT_EQ(d.SlotsOf(Submit(d, Elastic(Wants(8, "a"), 1))), 3);
}

TEST(QuotaTest, AnUnknownTeamIsRefusedByName) {
  Driver d(Teams({{"vision", {}}}));
  const absl::Status status = d.core.Apply(Wants(1, "visoin"), d.now).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("did you mean vision?"));
}

// --- Backfill ---

TEST(BackfillTest, AShortJobPassesAndALongOneDoesNot) {
  Driver d;
  d.Connect("n1", 4);
  const JobId runs = Submit(d, WithLimit(Wants(2), absl::Hours(1)));
  const JobId big = Submit(d, Wants(4));
  const JobId longer = Submit(d, WithLimit(Wants(1), absl::Hours(2)));
  const JobId shorter = Submit(d, WithLimit(Wants(1), absl::Minutes(30)));
  EXPECT_FALSE(d.Runs(big));
  EXPECT_FALSE(d.Runs(longer));
  EXPECT_TRUE(d.Runs(shorter));
  d.EndAll(shorter, true);
  d.EndAll(runs, true);
  EXPECT_TRUE(d.Runs(big));
}

TEST(BackfillTest, ALongJobMayUseWhatTheFirstWillNotNeed) {
  Driver d;
  d.Connect("n1", 4);
  Submit(d, WithLimit(Wants(2), absl::Hours(1)));
  const JobId big = Submit(d, Wants(3)), forever = Submit(d, Wants(1)), more = Submit(d, Wants(1));
  EXPECT_FALSE(d.Runs(big));
  EXPECT_TRUE(d.Runs(forever));
  EXPECT_FALSE(d.Runs(more));
}

TEST(BackfillTest, MeasuredProgressCountsBeforeTheLimit) {
  Driver d;
  d.Connect("n1", 4);
  const JobId runs = Submit(d, WithLimit(Wants(2), absl::Hours(10)));
  d.Do(RemainingMeasured{{runs, 1}, "n1", absl::Minutes(10)});
  Submit(d, Wants(4));
  EXPECT_FALSE(d.Runs(Submit(d, WithLimit(Wants(1), absl::Hours(1)))));
  EXPECT_TRUE(d.Runs(Submit(d, WithLimit(Wants(1), absl::Minutes(5)))));
}

TEST(BackfillTest, SmallJobsDoNotStarveABigOneThatNobodyKnowsTheTimeOf) {
  Driver d;
  d.Connect("n1", 4);
  const JobId a = Submit(d, Wants(1)), b = Submit(d, Wants(1));
  const JobId big = Submit(d, Wants(4));
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(d.Runs(Submit(d, Wants(1))));
  d.EndAll(a, true);
  d.Pass(absl::Minutes(1));
  d.EndAll(b, true);
  EXPECT_TRUE(d.Runs(big));
}

TEST(BackfillTest, AJobThatWaitsForDrainedNodesIsInNobodysWay) {
  Driver d;
  d.Connect("n1", 2);
  d.Connect("n2", 2);
  d.Do(DrainRequested{"n2", "fan", "ada"});
  const JobId big = Submit(d, Wants(4)), small = Submit(d, Wants(2));
  EXPECT_FALSE(d.Runs(big));
  EXPECT_TRUE(d.Runs(small));
}

TEST(BackfillTest, WithoutItNobodyPassesTheFirst) {
  Driver d(CoreOptions{.policies = {}});
  d.Connect("n1", 4);
  Submit(d, WithLimit(Wants(2), absl::Hours(1)));
  Submit(d, Wants(4));
  EXPECT_FALSE(d.Runs(Submit(d, WithLimit(Wants(1), absl::Minutes(1)))));
}

// --- Preemption ---

TEST(PreemptionTest, AHigherPriorityOfTheTeamStopsTheOneThatLosesLeast) {
  Driver d;
  d.Connect("n1", 2);
  JobSubmitted command = Wants(1);
  command.stages[0].saves = false;
  const JobId loses_all = Submit(d, command), saves = Submit(d, Wants(1));
  d.Pass(absl::Hours(1));
  const JobId urgent = Submit(d, Wants(1, kDefaultTeam, 10));
  const auto stops = Only<StopAttempt>(d.last.effects);
  ASSERT_THAT(stops, SizeIs(1));
  EXPECT_EQ(stops[0].ref.job, saves);
  EXPECT_EQ(stops[0].grace, d.core.options().stop_grace) << "it has to have time to save";
  EXPECT_THAT(stops[0].reason, HasSubstr("preempted for job j3"));
  EXPECT_EQ(d.Reason(urgent).code, PendingCode::kPreempting);
  EndStopped(d, saves);
  EXPECT_TRUE(d.Runs(urgent));
  EXPECT_TRUE(d.Runs(loses_all));
  EXPECT_EQ(d.job(saves).state, JobState::kPending);
  EXPECT_EQ(d.job(saves).preemptions, 1);
  EXPECT_EQ(d.job(saves).restarts, 0);
}

TEST(PreemptionTest, WhatWasFreedIsKeptForTheOneItWasFreedFor) {
  Driver d;
  d.Connect("n1", 2);
  const JobId a = Submit(d, Wants(1)), b = Submit(d, Wants(1));
  d.Pass(absl::Hours(1));
  const JobId urgent = Submit(d, Wants(2, kDefaultTeam, 10));
  EXPECT_THAT(Only<StopAttempt>(d.last.effects), SizeIs(2));
  EndStopped(d, a);
  EXPECT_FALSE(d.Runs(Submit(d, Wants(1))));
  EXPECT_THAT(d.last.effects, IsEmpty()) << "its room is being made already";
  EndStopped(d, b);
  EXPECT_TRUE(d.Runs(urgent));
}

TEST(PreemptionTest, NobodyIsStoppedWhenThatWouldNotBeEnough) {
  Driver d;
  d.Connect("n1", 2);
  Submit(d, Wants(1));
  Submit(d, Wants(1, kDefaultTeam, 10));
  d.Pass(absl::Hours(1));
  Submit(d, Wants(2, kDefaultTeam, 10));
  EXPECT_THAT(d.last.effects, IsEmpty());
}

TEST(PreemptionTest, OtherTeamsJobsAreNotStoppedForAPriority) {
  Driver d(Teams({{"a", {}}, {"b", {}}}));
  d.Connect("n1", 1);
  Submit(d, Wants(1, "a"));
  d.Pass(absl::Hours(1));
  Submit(d, Wants(1, "b", 100));
  EXPECT_THAT(d.last.effects, IsEmpty());
}

TEST(PreemptionTest, ATeamTakesItsQuotaBackFromWhoBorrowedIt) {
  Driver d(Teams({{"own", {.quota = {{"cpu", 2}}}}, {"guest", {.quota = {{"cpu", 2}}}}}));
  d.Connect("n1", 4);
  std::vector<JobId> guests;
  for (int i = 0; i < 4; ++i) guests.push_back(Submit(d, Wants(1, "guest")));
  d.Pass(absl::Hours(1));
  const JobId own = Submit(d, Wants(2, "own"));
  ASSERT_THAT(Only<StopAttempt>(d.last.effects), SizeIs(2));
  for (const StopAttempt& stop : Only<StopAttempt>(d.last.effects)) EndStopped(d, stop.ref.job);
  EXPECT_TRUE(d.Runs(own));
  EXPECT_EQ(d.core.teams().Get("guest").Used("cpu"), 2);
  d.Pass(absl::Hours(1));
  Submit(d, Wants(1, "own"));
  EXPECT_THAT(d.last.effects, IsEmpty()) << "more than its quota is nobody's to take";
}

// Whatever the mix of teams, quotas and priorities: a pair of jobs is never
// stopped for each other in turn.
TEST(PreemptionTest, TwoJobsNeverStopEachOtherInTurn) {
  Driver d(CoreOptions{.teams = {{"a", {.quota = {{"cpu", 2}}}}, {"b", {.quota = {{"cpu", 2}}}}},
                       .least_run_before_preemption = absl::ZeroDuration()});
  d.Connect("n1", 4);
  for (int i = 0; i < 6; ++i) {
    Submit(d, Wants(1 + i % 3, "a", i % 2));
    Submit(d, Wants(1 + i % 3, "b", i % 2));
  }
  for (int i = 0; i < 200; ++i) {
    d.Pass(absl::Minutes(2));
    for (const JobId id : std::set<JobId>(d.core.running()))
      if (d.job(id).live() != nullptr && d.job(id).live()->state == AttemptState::kStopping)
        EndStopped(d, id);
  }
  for (const auto& [id, job] : d.core.jobs()) EXPECT_LE(job.preemptions, 2) << "j" << id;
}

// --- Elastic jobs ---

TEST(ElasticTest, StartsWithWhatIsFreeAndGrowsIntoWhatIsIdle) {
  Driver d;
  d.Connect("n1", 4);
  const JobId other = Submit(d, Wants(3));
  const JobId elastic = Submit(d, Elastic(Wants(4), 1));
  EXPECT_EQ(d.SlotsOf(elastic), 1);
  d.Do(PartStarted{{elastic, 1}, "n1"});
  d.EndAll(other, true);
  EXPECT_THAT(d.last.effects, IsEmpty()) << "a restart this soon is not worth it";
  d.Pass(absl::Hours(1));
  ASSERT_THAT(Only<StopAttempt>(d.last.effects), SizeIs(1));
  EndStopped(d, elastic);
  EXPECT_EQ(d.SlotsOf(elastic), 4);
  EXPECT_EQ(d.job(elastic).restarts, 0);
  EXPECT_EQ(d.job(elastic).preemptions, 0);
}

TEST(ElasticTest, ShrinksBeforeAnybodyIsEvicted) {
  Driver d;
  d.Connect("n1", 4);
  const JobId elastic = Submit(d, Elastic(Wants(4), 1));
  d.Pass(absl::Hours(1));
  const JobId urgent = Submit(d, Wants(2, kDefaultTeam, 1));
  ASSERT_THAT(Only<StopAttempt>(d.last.effects), SizeIs(1));
  EXPECT_THAT(Only<StopAttempt>(d.last.effects)[0].reason, HasSubstr("shrunk to 1 slots"));
  EndStopped(d, elastic);
  EXPECT_TRUE(d.Runs(urgent));
  EXPECT_EQ(d.SlotsOf(elastic), 1);
  EXPECT_EQ(d.job(elastic).preemptions, 0);
}

// --- Shortest first ---

class ShortestFirstTest : public testing::Test {
 protected:
  ShortestFirstTest() { d.Connect("n1", 8); }
  /// A job that has run for long enough to count as long.
  JobId LongJob(JobSubmitted event) {
    const JobId id = Submit(d, std::move(event));
    d.Pass(absl::Hours(8));
    return id;
  }
  Driver d;
};

TEST_F(ShortestFirstTest, ALongJobIsStoppedForANewOneOfAnyTeamAndComesBack) {
  const JobId long_job = LongJob(Wants(8, "vision"));
  const JobId new_job = Submit(d, Wants(1, "robots"));
  ASSERT_THAT(Only<StopAttempt>(d.last.effects), SizeIs(1));
  EXPECT_THAT(Only<StopAttempt>(d.last.effects)[0].reason, HasSubstr("which is short or new"));
  EndStopped(d, long_job);
  EXPECT_TRUE(d.Runs(new_job));
  d.Pass(absl::Hours(2));
  d.EndAll(new_job, true);
  EXPECT_TRUE(d.Runs(long_job));
}

TEST_F(ShortestFirstTest, WhatWasFreedIsKeptFromTheTeamThatComesFirst) {
  const JobId first = LongJob(Wants(8, "vision"));
  const JobId second = Submit(d, Wants(8, "robots"));
  EndStopped(d, first);
  ASSERT_TRUE(d.Runs(second));
  d.Pass(absl::Hours(2));
  // vision has had far more, so that the job of robots would go first again.
  const JobId new_job = Submit(d, Wants(2, "vision"));
  EndStopped(d, second);
  EXPECT_TRUE(d.Runs(new_job));
  EXPECT_FALSE(d.Runs(second));
}

TEST_F(ShortestFirstTest, NobodyIsStoppedForALongOneSoThatTwoNeverTakeTurns) {
  const JobId first = LongJob(Wants(8));
  const JobId second = Submit(d, Wants(8));
  EndStopped(d, first);
  ASSERT_TRUE(d.Runs(second));
  d.Pass(absl::Hours(8));
  EXPECT_THAT(Only<StopAttempt>(d.last.effects), IsEmpty());
  EXPECT_TRUE(d.Runs(second));
  EXPECT_FALSE(d.Runs(first));
}

TEST(ShortestFirstHeadroomTest, AJobThatWasStoppedLeavesRoomForTheNextShortOneForAWhile) {
  Driver d;
  for (int i = 0; i < 13; ++i) d.Connect(absl::StrCat("n", 10 + i), 8);
  Submit(d, Wants(96));
  const JobId stopped = Submit(d, Wants(8));
  d.Pass(absl::Hours(8));
  d.Do(RemainingMeasured{{stopped, 1}, d.job(stopped).attempts[0].parts[0].node, absl::Hours(999)});
  const JobId short_job = Submit(d, Wants(8));
  EndStopped(d, stopped);
  ASSERT_TRUE(d.Runs(short_job));
  d.EndAll(short_job, true);
  EXPECT_FALSE(d.Runs(stopped));
  EXPECT_THAT(d.Why(stopped), HasSubstr("leaves 1 cpu slots to short jobs"));
  d.Pass(absl::Minutes(59));
  EXPECT_FALSE(d.Runs(stopped));
  d.Pass(absl::Minutes(1));
  EXPECT_TRUE(d.Runs(stopped));
}

TEST_F(ShortestFirstTest, OnlyJobsThatSaveAndAreNotAboutToEndAreStopped) {
  JobSubmitted event = Wants(4);
  event.stages[0].saves = false;
  Submit(d, event);
  const JobId ending = LongJob(Wants(4));
  d.Do(RemainingMeasured{{ending, 1}, "n1", absl::Minutes(9)});
  Submit(d, Wants(1));
  EXPECT_THAT(Only<StopAttempt>(d.last.effects), IsEmpty());
}

TEST_F(ShortestFirstTest, OfLongJobsTheOneWithMostLeftIsStopped) {
  const JobId less = Submit(d, Wants(4));
  const JobId more = LongJob(Wants(4));
  d.Do(RemainingMeasured{{less, 1}, "n1", absl::Hours(3)});
  d.Do(RemainingMeasured{{more, 1}, "n1", absl::Hours(30)});
  Submit(d, Wants(1));
  ASSERT_THAT(Only<StopAttempt>(d.last.effects), SizeIs(1));
  EXPECT_EQ(Only<StopAttempt>(d.last.effects)[0].ref.job, more);
}

TEST_F(ShortestFirstTest, AJobWhoseProgressSaysThatItIsLongIsStoppedBeforeItHasHadMuch) {
  const JobId runs = Submit(d, Wants(8));
  d.Pass(absl::Minutes(5));
  Submit(d, Wants(1));
  EXPECT_THAT(Only<StopAttempt>(d.last.effects), IsEmpty());
  d.Pass(absl::Minutes(1));
  d.Do(RemainingMeasured{{runs, 1}, "n1", absl::Hours(10)});
  d.Pass(absl::Seconds(2));
  EXPECT_EQ(d.job(runs).attempts[0].state, AttemptState::kStopping);
}

TEST_F(ShortestFirstTest, AHigherPriorityOfTheTeamIsNotStopped) {
  LongJob(Wants(8, kDefaultTeam, 1));
  Submit(d, Wants(1));
  EXPECT_THAT(Only<StopAttempt>(d.last.effects), IsEmpty());
}

TEST(ShortestFirstQuotaTest, NoTeamFallsBelowItsQuotaForAnothersShortJobs) {
  Driver d(Teams({{"vision", {.quota = {{"cpu", 8}}}}, {"robots", {}}}));
  d.Connect("n1", 8);
  Submit(d, Wants(8, "vision"));
  d.Pass(absl::Hours(8));
  Submit(d, Wants(1, "robots"));
  EXPECT_THAT(Only<StopAttempt>(d.last.effects), IsEmpty());
  Submit(d, Wants(1, "vision"));
  EXPECT_THAT(Only<StopAttempt>(d.last.effects), SizeIs(1));
}

// --- Sets ---

TEST(PolicySetTest, AnUnknownPolicyIsRefusedByName) {
  const absl::Status status = MakePolicies({"quota", "backfil"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("did you mean backfill?"));
}

}  // namespace
}  // namespace octet::scheduler
