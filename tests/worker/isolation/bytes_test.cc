#include "worker/isolation/bytes.h"

#include "gtest/gtest.h"

namespace octet::isolation {
namespace {

TEST(BytesTest, UnitsCountBy1024InAnyOfTheirSpellings) {
  for (const char* text : {"8G", "8Gi", "8GB", "8GiB"})
    EXPECT_EQ(*ParseBytes(text), int64_t{8} << 30);
  EXPECT_EQ(*ParseBytes("4096"), 4096);
  EXPECT_EQ(*ParseBytes("1.5Ti"), int64_t{3} << 39);
  EXPECT_EQ(*ParseBytes("none"), kUnlimited);
}

TEST(BytesTest, RefusesWhatIsNoAmount) {
  for (const char* text : {"", "0", "-1", "G", "8X", "8 G", "1e30T", "nan", "inf"})
    EXPECT_FALSE(ParseBytes(text).ok()) << text;
}

TEST(BytesTest, SpeaksInTheLargestUnit) {
  EXPECT_EQ(FormatBytes(10), "10 bytes");
  EXPECT_EQ(FormatBytes(int64_t{512} << 20), "512 MiB");
  EXPECT_EQ(FormatBytes((int64_t{21} << 30) + (int64_t{1} << 29)), "21.5 GiB");
  EXPECT_EQ(FormatBytes(kUnlimited), "no limit");
}

}  // namespace
}  // namespace octet::isolation
