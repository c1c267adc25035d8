// SPDX-License-Identifier: Apache-2.0
#include <random>

#include <gtest/gtest.h>

#include "runtime/tokenizer/Merging.h"

namespace heddle::runtime {
namespace {

using Ids = std::vector<int32_t>;

/// As the definition has it: the lowest rank, the leftmost of equals, one at a time.
Ids mergedOneByOne(const MergeTable &table, Ids ids) {
  while (true) {
    const Merge *best = nullptr;
    size_t at = 0;
    for (size_t i = 0; i + 1 < ids.size(); ++i)
      if (const Merge *merge = table.find(ids[i], ids[i + 1]);
          merge && (!best || merge->rank < best->rank)) {
        best = merge;
        at = i;
      }
    if (!best)
      return ids;
    ids[at] = best->id;
    ids.erase(ids.begin() + static_cast<ptrdiff_t>(at) + 1);
  }
}

// Few symbols and ranks in no order, so that merges take each other's neighbours away.
TEST(Merging, WordsOfAnyLengthMergeOneByOne) {
  std::mt19937 random(7);
  auto below = [&](int32_t count) { return static_cast<int32_t>(random() % count); };
  for (int round = 0; round < 300; ++round) {
    MergeTable table;
    const int32_t symbols = 2 + below(4), merges = 1 + below(30);
    for (int32_t i = 0; i < merges; ++i)
      table.add(below(symbols + i), below(symbols + i),
                {static_cast<uint32_t>(below(1000)), symbols + i});
    Ids word(static_cast<size_t>(1 + below(200)));
    for (int32_t &id : word)
      id = below(symbols);
    Ids merged = {-5}; // what is before the word stays
    merged.insert(merged.end(), word.begin(), word.end());
    mergeIds(table, merged, 1);
    Ids expected = mergedOneByOne(table, word);
    expected.insert(expected.begin(), -5);
    EXPECT_EQ(merged, expected) << "round " << round;
  }
}

} // namespace
} // namespace heddle::runtime
