// SPDX-License-Identifier: Apache-2.0
#include "runtime/generate/CacheRows.h"

#include "tests/runtime/FakeModel.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {

bool operator==(const RowCopy &a, const RowCopy &b) {
  return a.from == b.from && a.to == b.to && a.begin == b.begin && a.end == b.end;
}

namespace {

using namespace heddle::test;
using Rows = std::vector<std::vector<int32_t>>;
using Numbers = std::vector<int64_t>;

TEST(AssignRows, BeamsThatGoOnStayWhereTheyAre) {
  Numbers rowOf = {2, 0, 1};
  EXPECT_TRUE(assignRows(Rows{{1, 2}, {1, 3}, {1, 4}}, {0, 1, 2}, rowOf).empty());
  EXPECT_EQ(rowOf, Numbers({2, 0, 1}));
  EXPECT_TRUE(assignRows(Rows{{1, 2}, {1, 3}, {1, 4}}, {2, 0, 1}, rowOf).empty());
  EXPECT_EQ(rowOf, Numbers({1, 2, 0})); // another order of beams moves no row
}

TEST(AssignRows, SecondChildrenTakeRowsThatAreLeft) {
  Numbers rowOf = {0, 1, 2, 3};
  // Beams 1 and 3 end. Row 3 has more in common with row 0 than row 1 has.
  Rows rows = {{9, 1, 5, 5}, {9, 2, 5, 5}, {9, 2, 5, 6}, {9, 1, 5, 7}};
  auto copies = assignRows(rows, {0, 2, 0, 2}, rowOf);
  EXPECT_EQ(rowOf, Numbers({0, 2, 3, 1}));
  EXPECT_EQ(copies, std::vector<RowCopy>({{0, 3, 3, 4}, {2, 1, 3, 4}}));
}

TEST(AssignRows, TheFirstStepCopiesNothing) {
  Numbers rowOf = {0};
  EXPECT_TRUE(assignRows(Rows{{4, 5}, {4, 5}, {4, 5}}, {0, 0, 0}, rowOf).empty());
  EXPECT_EQ(rowOf, Numbers({0, 1, 2}));
}

TEST(AssignRows, FewerBeamsAndMoreAgain) {
  Numbers rowOf = {0, 1};
  Rows rows = {{4, 5}, {4, 6}};
  EXPECT_TRUE(assignRows(rows, {1}, rowOf).empty());
  EXPECT_EQ(rowOf, Numbers({1}));
  rows = {{4, 5}, {4, 6, 7}}; // row 0 stayed as it was
  EXPECT_EQ(assignRows(rows, {0, 0}, rowOf), std::vector<RowCopy>({{1, 0, 1, 3}}));
  EXPECT_EQ(rowOf, Numbers({1, 0}));
}

TEST(CopyCacheRows, TakesTheseTokensAndNoOthers) {
  auto session = fakeSession();
  ASSERT_THAT(session->prepare("decode"), IsOk());
  auto *cache = static_cast<float *>(session->find("cache.k.0")->data());
  for (int i = 0; i < 2 * kFakeSeq; ++i)
    cache[i] = static_cast<float>(i);
  ASSERT_THAT(copyCacheRows(*session, {{1, 0, 2, 5}}), IsOk());
  for (int t = 0; t < kFakeSeq; ++t) {
    EXPECT_EQ(cache[t], t >= 2 && t < 5 ? kFakeSeq + t : t);
    EXPECT_EQ(cache[kFakeSeq + t], kFakeSeq + t);
  }
}

/// Slots of row 0 that a copy of row 1's positions [begin, end) reaches in a ring of 3, and what
/// they get: -1 where they stay.
std::vector<int> copiedInRing(int64_t begin, int64_t end) {
  constexpr int kSlots = 3;
  auto session = fakeSession(1, kSlots);
  EXPECT_THAT(session->prepare("decode"), IsOk());
  auto *cache = static_cast<float *>(session->find("cache.k.0")->data());
  for (int i = 0; i < kSlots; ++i) {
    cache[i] = -1;
    cache[kSlots + i] = static_cast<float>(i);
  }
  EXPECT_THAT(copyCacheRows(*session, {{1, 0, begin, end}}), IsOk());
  for (int i = 0; i < kSlots; ++i)
    EXPECT_EQ(cache[kSlots + i], static_cast<float>(i));
  return {cache, cache + kSlots};
}

TEST(CopyCacheRows, GoesRoundInARing) {
  EXPECT_EQ(copiedInRing(0, 2), std::vector<int>({0, 1, -1}));
  EXPECT_EQ(copiedInRing(1, 3), std::vector<int>({-1, 1, 2}));
  EXPECT_EQ(copiedInRing(2, 4), std::vector<int>({0, -1, 2})); // around the end
  EXPECT_EQ(copiedInRing(4, 5), std::vector<int>({-1, 1, -1}));
  EXPECT_EQ(copiedInRing(0, 5), std::vector<int>({0, 1, 2})); // of five tokens three are left
  EXPECT_EQ(copiedInRing(1, 6), std::vector<int>({0, 1, 2}));
  EXPECT_EQ(copiedInRing(5, 5), std::vector<int>({-1, -1, -1}));
}

} // namespace
} // namespace heddle::runtime
