#include "catalog/accelerators.h"

#include <set>

#include "gtest/gtest.h"

namespace octet::catalog {
namespace {

TEST(AcceleratorsTest, AreFoundByTheNameThatTheDriverGivesThem) {
  const v1::Accelerator* h100 = FindAccelerator("NVIDIA H100 80GB HBM3");
  ASSERT_NE(h100, nullptr);
  EXPECT_EQ(h100->name(), "nvidia-h100-sxm");
  EXPECT_DOUBLE_EQ(h100->tensorfloat32_flops_per_s(), 494.7e12);
  EXPECT_EQ(FindAccelerator("CPU"), nullptr);
}

TEST(AcceleratorsTest, EachHasItsOwnNamesItsFiguresAndTheirSource) {
  std::set<std::string> names;
  for (const v1::Accelerator& each : BuiltinAccelerators().accelerators()) {
    EXPECT_TRUE(names.insert(each.name()).second) << each.name();
    EXPECT_FALSE(each.models().empty()) << each.name();
    for (const std::string& model : each.models()) EXPECT_TRUE(names.insert(model).second) << model;
    EXPECT_GT(each.float32_flops_per_s(), 0) << each.name();
    EXPECT_GT(each.tensorfloat32_flops_per_s(), each.float32_flops_per_s()) << each.name();
    EXPECT_GT(each.bfloat16_flops_per_s(), each.tensorfloat32_flops_per_s()) << each.name();
    EXPECT_FALSE(each.sources().empty()) << each.name();
  }
}

}  // namespace
}  // namespace octet::catalog
