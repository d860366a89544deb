#include "client/command.h"

#include <iostream>
#include <latch>
#include <thread>
#include <vector>

#include "gmock/gmock.h"

namespace octet::client {
namespace {

using testing::Each;
using testing::NotNull;

// `octet run` makes calls from several threads, and any of them may be the first.
TEST(ContextTest, ThreadsShareOneChannelWhoeverIsFirst) {
  Context context(std::cin, std::cout, std::cerr);
  context.server = "unix:/nowhere";
  constexpr int kThreads = 4;
  std::vector<std::shared_ptr<grpc::Channel>> channels(kThreads);
  std::latch start(kThreads);
  std::vector<std::thread> threads;
  for (auto& channel : channels)
    threads.emplace_back([&] {
      start.arrive_and_wait();
      channel = context.Channel();
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(channels.front(), NotNull());
  EXPECT_THAT(channels, Each(channels.front()));
}

}  // namespace
}  // namespace octet::client
