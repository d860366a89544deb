#include "scheduler/sim/trace.h"

#include "gmock/gmock.h"

namespace octet::scheduler {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string ErrorOf(const std::string& text) {
  const auto trace = ParseTrace(text);
  return trace.ok() ? "" : std::string(trace.status().message());
}

TEST(TraceTest, WhatIsWrittenReadsBackAsTheSame) {
  const Trace trace = {{.submit_s = 0.125,
                        .team = "vision",
                        .slots = 16,
                        .nodes = 2,
                        .duration_s = 1e7 + 1.0 / 3,
                        .planned_s = 2e7,
                        .time_limit_s = 3600,
                        .priority = -2,
                        .saves = false,
                        .progress = false,
                        .status = TraceJob::Status::kKilled},
                       {.submit_s = 7,
                        .slots = 8,
                        .min_slots = 2,
                        .duration_s = 10,
                        .planned_s = 10,
                        .status = TraceJob::Status::kFailed}};
  const auto read = ParseTrace(FormatTrace(trace));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, trace);
}

TEST(TraceTest, ColumnsComeInAnyOrderAndMostMayBeLeftOut) {
  const auto trace = ParseTrace("slots, submit_s ,duration_s\n4,20,300\r\n\n2,10,60\n");
  ASSERT_TRUE(trace.ok()) << trace.status();
  ASSERT_THAT(*trace, SizeIs(2));
  // In order of submission.
  EXPECT_EQ((*trace)[0], (TraceJob{.submit_s = 10, .slots = 2, .duration_s = 60, .planned_s = 60}));
  EXPECT_EQ((*trace)[1].slots, 4);
}

TEST(TraceTest, ErrorsNameTheLineAndTheColumn) {
  const std::string header = "submit_s,slots,duration_s,status\n";
  EXPECT_THAT(ErrorOf(header + "0,1,10,passed\n5,none,10,passed\n"),
              HasSubstr("line 3: column slots: \"none\" is not a whole number, 1 or more"));
  EXPECT_THAT(ErrorOf(header + "0,0,10,passed\n"), HasSubstr("line 2: column slots: \"0\""));
  EXPECT_THAT(ErrorOf(header + "-1,1,10,passed\n"), HasSubstr("column submit_s: \"-1\""));
  EXPECT_THAT(ErrorOf(header + "0,1,nan,passed\n"), HasSubstr("column duration_s: \"nan\""));
  EXPECT_THAT(ErrorOf(header + "0,1,10,done\n"),
              HasSubstr("column status: \"done\" is not passed, failed or killed"));
  EXPECT_THAT(ErrorOf(header + "0,1,10\n"),
              HasSubstr("line 2: 3 values, and the header has 4 columns"));
}

TEST(TraceTest, JobsThatNoClusterTakesAreRefused) {
  EXPECT_THAT(ErrorOf("submit_s,slots,nodes,duration_s\n0,10,3,5\n"),
              HasSubstr("line 2: column nodes: 10 slots cannot be shared out evenly over 3 nodes"));
  EXPECT_THAT(ErrorOf("submit_s,slots,min_slots,duration_s\n0,4,5,5\n"),
              HasSubstr("column min_slots"));
  EXPECT_THAT(ErrorOf("submit_s,slots,min_slots,duration_s\n0,4,4,5\n"), IsEmpty());
}

TEST(TraceTest, AWrongHeaderNamesTheColumnThatIsMeant) {
  EXPECT_THAT(ErrorOf("submit_s,slot,duration_s\n"),
              AllOf(HasSubstr("no column \"slot\""), HasSubstr("did you mean slots?")));
  EXPECT_THAT(ErrorOf("submit_s,slots\n"), HasSubstr("column duration_s is missing"));
  EXPECT_THAT(ErrorOf("submit_s,slots,slots,duration_s\n"), HasSubstr("slots is there twice"));
}

}  // namespace
}  // namespace octet::scheduler
