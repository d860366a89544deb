#include "scheduler/store/group_committer.h"

#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "tests/scheduler/store/faulty_store.h"

namespace octet::scheduler {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Batch Put(const std::string& key) { return {.puts = {{"jobs", key, key}}}; }

absl::Status Commit(GroupCommitter& committer, const std::string& key) {
  absl::Notification done;
  absl::Status result;
  committer.Submit(Put(key), [&](absl::Status status) {
    result = status;
    done.Notify();
  });
  done.WaitForNotification();
  return result;
}

TEST(GroupCommitterTest, StoresTheBatchesOfManyThreads) {
  FaultyStore store;
  GroupCommitter committer(store);
  absl::BlockingCounter done(400);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i)
        committer.Submit(Put(absl::StrCat(t, "/", i)), [&](absl::Status status) {
          EXPECT_TRUE(status.ok());
          done.DecrementCount();
        });
    });
  for (std::thread& thread : threads) thread.join();
  done.Wait();
  EXPECT_EQ(store.LoadTable("jobs").value().size(), 400u);
}

TEST(GroupCommitterTest, AnswersInTheOrderOfSubmission) {
  FaultyStore store;
  std::vector<int> order, expected;
  {
    GroupCommitter committer(store);
    for (int i = 0; i < 100; ++i) {
      expected.push_back(i);
      committer.Submit(Put(absl::StrCat(i)), [&order, i](absl::Status) { order.push_back(i); });
    }
  }  // Commits what is queued.
  EXPECT_EQ(order, expected);
  EXPECT_EQ(store.LoadTable("jobs").value().size(), 100u);
}

TEST(GroupCommitterTest, TellsOfEachTransactionAndOfNoneThatItDidNotTry) {
  FaultyStore store;
  size_t batches = 0, failed = 0;
  {
    GroupCommitter committer(store,
                             [&](size_t count, absl::Duration took, const absl::Status& status) {
                               EXPECT_GE(took, absl::ZeroDuration());
                               batches += count;
                               failed += !status.ok();
                             });
    EXPECT_TRUE(Commit(committer, "a").ok());
    EXPECT_TRUE(Commit(committer, "b").ok());
    store.SetError(absl::ResourceExhaustedError("disk full"));
    EXPECT_FALSE(Commit(committer, "c").ok());
    EXPECT_FALSE(Commit(committer, "d").ok());
  }
  EXPECT_EQ(batches, 3u);
  EXPECT_EQ(failed, 1u);
}

TEST(GroupCommitterTest, AfterAFailureNothingIsStoredUntilItIsResumed) {
  FaultyStore store;
  GroupCommitter committer(store);
  store.SetError(absl::ResourceExhaustedError("disk full"));
  EXPECT_EQ(Commit(committer, "a").code(), absl::StatusCode::kResourceExhausted);
  store.SetError(absl::OkStatus());
  EXPECT_EQ(Commit(committer, "b").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(store.LoadTable("jobs").value(), IsEmpty());
  committer.Resume();
  EXPECT_TRUE(Commit(committer, "c").ok());
  EXPECT_THAT(store.LoadTable("jobs").value(), ElementsAre(testing::Pair("c", "c")));
}

}  // namespace
}  // namespace octet::scheduler
