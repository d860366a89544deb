#include "worker/agent/gpu_metrics.h"

#include <cstdlib>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "prometheus/text_serializer.h"
#include "tests/worker/agent/fake_driver.h"

namespace octet::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Page(const GpuMetrics& metrics) {
  std::vector<prometheus::MetricFamily> families;
  metrics.Collect("n1", families);
  return prometheus::TextSerializer().Serialize(families);
}

TEST(GpuMetricsTest, TellsInBaseUnitsHowEachGpuIs) {
  const FakeDriver driver;
  const auto metrics = GpuMetrics::Load();
  ASSERT_NE(metrics, nullptr);
  const std::string page = Page(*metrics);
  for (const char* line :
       {"octet_agent_gpu_info{gpu=\"0\",model=\"NVIDIA H100 80GB HBM3\",node=\"n1\",uuid=\"GPU-"
        "first\"} 1",
        "octet_agent_gpu_utilization_ratio{gpu=\"0\",node=\"n1\"} 0.75",
        "octet_agent_gpu_memory_used_bytes{gpu=\"0\",node=\"n1\"} 21474836480",
        "octet_agent_gpu_memory_size_bytes{gpu=\"0\",node=\"n1\"} 85899345920",
        "octet_agent_gpu_power_watts{gpu=\"0\",node=\"n1\"} 350.5",
        "octet_agent_gpu_power_limit_watts{gpu=\"0\",node=\"n1\"} 700",
        "octet_agent_gpu_temperature_celsius{gpu=\"0\",node=\"n1\"} 61",
        "octet_agent_gpu_sm_clock_hertz{gpu=\"0\",node=\"n1\"} 1980000000",
        "octet_agent_gpu_ecc_errors_total{gpu=\"0\",kind=\"corrected\",node=\"n1\"} 5",
        "octet_agent_gpu_ecc_errors_total{gpu=\"0\",kind=\"uncorrected\",node=\"n1\"} 1",
        "octet_agent_gpu_slowed_down{gpu=\"0\",node=\"n1\",reason=\"thermal\"} 1",
        "octet_agent_gpu_slowed_down{gpu=\"0\",node=\"n1\",reason=\"power_cap\"} 0"})
    EXPECT_THAT(page, HasSubstr(line));
}

TEST(GpuMetricsTest, WhatTheDriverRefusesIsLeftOut) {
  const FakeDriver driver;
  const auto metrics = GpuMetrics::Load();
  ASSERT_NE(metrics, nullptr);
  const std::string page = Page(*metrics);
  EXPECT_THAT(page, HasSubstr("octet_agent_gpu_utilization_ratio{gpu=\"1\",node=\"n1\"}"));
  EXPECT_THAT(page, Not(HasSubstr("octet_agent_gpu_ecc_errors_total{gpu=\"1\"")));
}

TEST(GpuMetricsTest, ADriverThatFailsHasNothingToTell) {
  const FakeDriver driver;
  setenv("OCTET_FAKE_NVML_BROKEN", "1", 1);
  EXPECT_EQ(GpuMetrics::Load(), nullptr);
  unsetenv("OCTET_FAKE_NVML_BROKEN");
}

}  // namespace
}  // namespace octet::agent
