#include "worker/agent/slots.h"

#include <algorithm>
#include <thread>

#include "gtest/gtest.h"

namespace octet::agent {
namespace {

TEST(SlotsTest, OffersAsManyCpuSlotsAsItIsTold) {
  auto slots = FindSlots(3);
  ASSERT_TRUE(slots.ok()) << slots.status();
  ASSERT_EQ(slots->size(), 3u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ((*slots)[i].index(), i);
    EXPECT_EQ((*slots)[i].resource(), "cpu");
    EXPECT_EQ((*slots)[i].model(), "CPU");
    EXPECT_EQ((*slots)[i].uuid(), "");
    EXPECT_GT((*slots)[i].memory_bytes(), 0);
  }
}

TEST(SlotsTest, CpuSlotsShareTheMemory) {
  EXPECT_EQ(CpuSlots(1)[0].memory_bytes() / 4, CpuSlots(4)[0].memory_bytes());
}

TEST(SlotsTest, OffersAsManyTpuSlotsAsItIsTold) {
  auto slots = FindSlots(std::nullopt, 2);
  ASSERT_TRUE(slots.ok()) << slots.status();
  ASSERT_EQ(slots->size(), 2u);
  EXPECT_EQ((*slots)[1].index(), 1);
  EXPECT_EQ((*slots)[1].resource(), "tpu");
  EXPECT_EQ((*slots)[1].model(), "TPU");
}

TEST(SlotsTest, LeftAloneItOffersGpusElseASlotACore) {
  auto gpus = GpuSlots();
  if (!gpus.ok()) GTEST_SKIP() << "a driver that does not work: " << gpus.status();
  auto slots = FindSlots(std::nullopt);
  ASSERT_TRUE(slots.ok()) << slots.status();
  if (gpus->empty()) {
    EXPECT_EQ(slots->size(), std::max(1u, std::thread::hardware_concurrency()));
    EXPECT_EQ(slots->front().resource(), "cpu");
  } else {
    EXPECT_EQ(slots->size(), gpus->size());
    EXPECT_EQ(slots->front().resource(), "gpu");
    EXPECT_EQ(slots->front().uuid().substr(0, 4), "GPU-");
    EXPECT_FALSE(slots->front().model().empty());
    EXPECT_GT(slots->front().memory_bytes(), 0);
  }
}

}  // namespace
}  // namespace octet::agent
