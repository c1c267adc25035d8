// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "runtime/generate/TokenRules.h"

namespace heddle::runtime {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Ids = std::vector<int32_t>;

const Ids kEnds = {7, 8};

/// What may not follow `history`, of which the last `newTokens` are new.
Ids forbidden(const TokenRules &rules, const Ids &history, int64_t newTokens) {
  return nextTokens(rules, kEnds, history, newTokens, 100).forbidden;
}

TEST(TokenRules, NoneForbidNothing) {
  NextTokens next = nextTokens({}, kEnds, {1, 2, 1}, 0, 1);
  EXPECT_FALSE(next.forced);
  EXPECT_THAT(next.forbidden, IsEmpty());
}

TEST(TokenRules, ForcedFirstAndLast) {
  TokenRules rules;
  rules.forcedFirst = 4;
  rules.forcedLast = 5;
  EXPECT_EQ(nextTokens(rules, kEnds, {1}, 0, 3).forced, 4);
  EXPECT_FALSE(nextTokens(rules, kEnds, {1, 4}, 1, 3).forced);
  EXPECT_EQ(nextTokens(rules, kEnds, {1, 4, 2}, 2, 3).forced, 5);
  EXPECT_EQ(nextTokens(rules, kEnds, {1}, 0, 1).forced, 5);
  EXPECT_FALSE(nextTokens(rules, kEnds, {1, 9}, 0, 3).forced); // a longer prompt
}

TEST(TokenRules, NoRunComesTwice) {
  TokenRules rules;
  rules.noRepeatNgram = 2;
  EXPECT_THAT(forbidden(rules, {1, 2, 3, 1}, 1), ElementsAre(2));
  EXPECT_THAT(forbidden(rules, {1, 2, 1, 3, 1}, 1), ElementsAre(2, 3));
  EXPECT_THAT(forbidden(rules, {1}, 1), IsEmpty());
  EXPECT_THAT(forbidden(rules, {2, 2}, 1), ElementsAre(2));
  rules.noRepeatNgram = 3;
  EXPECT_THAT(forbidden(rules, {1, 2, 3, 4, 1, 2}, 1), ElementsAre(3));
  EXPECT_THAT(forbidden(rules, {1}, 1), IsEmpty());
  rules.noRepeatNgram = 1;
  EXPECT_THAT(forbidden(rules, {5, 6}, 1), ElementsAre(5, 6));
}

TEST(TokenRules, BadWordsNeverComeWhole) {
  TokenRules rules;
  rules.badWords = {{3}, {1, 2}, {9, 9, 9}, {7}, {7, 8}};
  EXPECT_THAT(forbidden(rules, {5}, 1), ElementsAre(3)); // 7 alone is an end
  EXPECT_THAT(forbidden(rules, {5, 1}, 1), ElementsAre(3, 2));
  EXPECT_THAT(forbidden(rules, {9, 9}, 1), ElementsAre(3, 9));
  EXPECT_THAT(forbidden(rules, {7}, 1), ElementsAre(3, 8));
}

TEST(TokenRules, NoEndTooEarly) {
  TokenRules rules;
  rules.minLength = 4;
  EXPECT_THAT(forbidden(rules, {1, 2, 3}, 0), ElementsAre(7, 8));
  EXPECT_THAT(forbidden(rules, {1, 2, 3, 4}, 1), IsEmpty());
  rules.minNewTokens = 2;
  EXPECT_THAT(forbidden(rules, {1, 2, 3, 4}, 1), ElementsAre(7, 8));
  EXPECT_THAT(forbidden(rules, {1, 2}, 2), IsEmpty());
}

TEST(TokenRules, SuppressedAlwaysOrAtFirst) {
  TokenRules rules;
  rules.suppressed = {1};
  rules.suppressedFirst = {2, 3};
  EXPECT_THAT(forbidden(rules, {0}, 0), ElementsAre(1, 2, 3));
  EXPECT_THAT(forbidden(rules, {0, 5}, 1), ElementsAre(1));
  rules.forcedFirst = 4; // behind a start token: the forced one is not the model's own
  EXPECT_THAT(forbidden(rules, {0}, 0), ElementsAre(1));
  EXPECT_THAT(forbidden(rules, {0, 4}, 1), ElementsAre(1, 2, 3));
  EXPECT_THAT(forbidden(rules, {0, 9}, 0), ElementsAre(1, 2, 3)); // a longer prompt
}

} // namespace
} // namespace heddle::runtime
