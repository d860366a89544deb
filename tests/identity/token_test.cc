#include "identity/token.h"

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace octet::identity {
namespace {

TEST(TokenTest, ANewTokenIsReadBackFromItsText) {
  const TokenText token = NewToken();
  const auto read = ParseToken(token.ToString());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->id, token.id);
  EXPECT_EQ(read->secret, token.secret);
}

TEST(TokenTest, NoTwoTokensAreTheSame) {
  const TokenText one = NewToken(), other = NewToken();
  EXPECT_NE(one.id, other.id);
  EXPECT_NE(one.secret, other.secret);
}

TEST(TokenTest, WhatIsNoTokenIsRefusedWithoutBeingRepeated) {
  const TokenText token = NewToken();
  const std::string text = token.ToString();
  for (const std::string& wrong :
       {std::string(), std::string("octet"), "octet_" + token.id, "octet__" + token.secret,
        "other_" + token.id + "_" + token.secret, text + "0", text + "_0", text + "\n", " " + text,
        text.substr(0, text.size() - 1), text.substr(0, text.size() - 1) + "g",
        text.substr(0, text.size() - 1) + "A", "octet_" + token.secret + "_" + token.id}) {
    const auto read = ParseToken(wrong);
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument) << wrong;
    EXPECT_FALSE(absl::StrContains(read.status().message(), token.id)) << read.status();
    EXPECT_FALSE(absl::StrContains(read.status().message(), token.secret.substr(0, 8)))
        << read.status();
  }
}

TEST(TokenTest, OnlyTheSecretMatchesItsHash) {
  const std::string secret = NewToken().secret;
  const std::string hash = HashSecret(secret);
  EXPECT_FALSE(absl::StrContains(hash, secret));
  EXPECT_TRUE(SecretMatches(secret, hash));
  EXPECT_FALSE(SecretMatches(NewToken().secret, hash));
  EXPECT_FALSE(SecretMatches(hash, hash)) << "the store's content is not a token";
  EXPECT_FALSE(SecretMatches(secret, ""));
  EXPECT_FALSE(SecretMatches("", hash));
  EXPECT_FALSE(SecretMatches(secret, hash.substr(0, 63)));
}

}  // namespace
}  // namespace octet::identity
