// SPDX-License-Identifier: Apache-2.0
// Barriers, mbarriers, ids and atomics against plain loops.
#include <gtest/gtest.h>

#include "tests/codegen/cuda/ExchangeRun.h"

namespace heddle::test {
namespace {

std::vector<uint32_t> words(size_t count) {
  std::vector<uint32_t> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = static_cast<uint32_t>(i * 2654435761u);
  return values;
}

TEST(BlockConformance, named_barriers_hand_over_and_back) {
  constexpr int kRounds = 20;
  std::vector<uint32_t> in = words(kRounds * 64);
  Memory memory;
  uint32_t *out = memory.make<uint32_t>(64);
  EmulatedKernels::ofFile("Block.cu")
      .run("hand_over", {{1, 1, 1}, 1, 128, 256}, memory, memory.make(in), out, kRounds);
  for (int t = 0; t < 64; ++t) {
    uint32_t sum = 0;
    for (int i = 0; i < kRounds; ++i)
      sum = sum * 3 + in[i * 64 + 63 - t];
    EXPECT_EQ(out[t], sum);
  }
}

TEST(BlockConformance, blocks_of_a_grid_know_their_place) {
  Memory memory;
  uint32_t *out = memory.make<uint32_t>(2 * 24);
  EmulatedKernels::ofFile("Block.cu").run("grid_ids", {{4, 3, 2}, 1, 64, 256}, memory, out);
  for (uint32_t z = 0; z < 2; ++z)
    for (uint32_t y = 0; y < 3; ++y)
      for (uint32_t x = 0; x < 4; ++x) {
        uint32_t block = (z * 3 + y) * 4 + x;
        EXPECT_EQ(out[2 * block], x + 10 * y + 100 * z);
        EXPECT_EQ(out[2 * block + 1], 4 + 30 + 200 + 1000u * 2016);
      }
}

TEST(BlockConformance, tile_counter_gives_each_tile_once_and_resets) {
  Memory memory;
  uint32_t *counter = memory.make<uint32_t>(2), *taken = memory.make<uint32_t>(13);
  float *sum = memory.make<float>(1);
  for (uint32_t launch = 1; launch <= 2; ++launch) {
    EmulatedKernels::ofFile("Block.cu")
        .run("take_tiles", {{3, 1, 1}, 1, 32, 16}, memory, counter, 13, taken, sum);
    for (int i = 0; i < 13; ++i)
      EXPECT_EQ(taken[i], launch);
    EXPECT_EQ(*sum, launch * 13.0f * 32);
    EXPECT_EQ(counter[0], 0u);
    EXPECT_EQ(counter[1], 0u);
  }
}

TEST(BlockConformance, mbarrier_ring_over_many_phases) {
  for (uint64_t seed : {0, 1, 2, 3}) {
    Outcome outcome = runRing(EmulatedKernels::ofFile("Mbarrier.cu"), 64, {true, seed});
    EXPECT_TRUE(outcome.result.isFinished && outcome.result.faults.empty())
        << outcome.result.text();
    EXPECT_EQ(outcome.wrong, 0);
  }
}

} // namespace
} // namespace heddle::test
