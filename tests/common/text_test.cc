#include "common/text.h"

#include "gtest/gtest.h"

namespace octet {
namespace {

TEST(TextTest, NearestTakesTheFewestEdits) {
  EXPECT_EQ(Nearest("epochz", {"batch_size", "epochs", "epoch_length"}), "epochs");
  EXPECT_EQ(Nearest("epochs", {"epochs", "epoch"}), "epochs");
}

TEST(TextTest, NearestGivesUpWhenTooMuchWouldChange) {
  EXPECT_EQ(Nearest("ab", {"cd"}), "cd");  // 2 edits are always near,
  EXPECT_EQ(Nearest("abc", {"def"}), "");  // 3 only in words of 9 letters or more.
  EXPECT_EQ(Nearest("abcdefghi", {"abcdefxyz"}), "abcdefxyz");
  EXPECT_EQ(Nearest("word", {}), "");
}

TEST(TextTest, SuggestsElseListsElseStaysSilent) {
  EXPECT_EQ(DidYouMean("cpux", {"cpu", "gpu"}), "; did you mean cpu?");
  EXPECT_EQ(DidYouMean("quantum", {"cpu", "gpu"}), "; there are: cpu, gpu");
  EXPECT_EQ(DidYouMean("quantum", {}), "");
}

TEST(IsUtf8Test, TakesEveryLengthAndBothEndsOfEach) {
  for (const char* text : {"", "a\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                           "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(IsUtf8(text)) << text;
}

TEST(IsUtf8Test, RefusesWhatIsCutOffOverlongASurrogateOrTooLarge) {
  for (const char* text : {"\x80", "\xc3", "\xc3(", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                           "\xe2\x82", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xff"})
    EXPECT_FALSE(IsUtf8(text)) << text;
}

}  // namespace
}  // namespace octet
