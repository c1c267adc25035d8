// SPDX-License-Identifier: Apache-2.0
#include "passes/MemoryPlanner.h"

#include <gtest/gtest.h>

#include <random>

namespace heddle::passes {
namespace {

struct Placed {
  int id;
  int64_t bytes;
  int first, last;
};

void expectNoOverlap(const MemoryPlanner &planner, const std::vector<Placed> &values) {
  for (const Placed &a : values) {
    EXPECT_EQ(planner.offset(a.id) % MemoryPlanner::kAlignment, 0);
    EXPECT_LE(planner.offset(a.id) + a.bytes, planner.arenaBytes());
    for (const Placed &b : values) {
      if (a.id >= b.id || a.last < b.first || b.last < a.first)
        continue;
      bool disjoint = planner.offset(a.id) + a.bytes <= planner.offset(b.id) ||
                      planner.offset(b.id) + b.bytes <= planner.offset(a.id);
      EXPECT_TRUE(disjoint) << "values " << a.id << " and " << b.id;
    }
  }
}

TEST(MemoryPlanner, random_lifetimes_never_overlap) {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    MemoryPlanner planner;
    std::vector<Placed> values;
    for (int i = 0; i < 120; ++i) {
      int first = static_cast<int>(random() % 100);
      int last = first + static_cast<int>(random() % 30);
      int64_t bytes = 4 * static_cast<int64_t>(1 + random() % 1000);
      values.push_back({planner.addValue(bytes, first, last), bytes, first, last});
    }
    planner.solve();
    expectNoOverlap(planner, values);
    EXPECT_GE(planner.arenaBytes(), planner.maxLiveBytes());
    EXPECT_LE(planner.arenaBytes(), planner.maxLiveBytes() * 5 / 4);
  }
}

TEST(MemoryPlanner, transformer_steps_are_packed_within_one_percent) {
  // Forward: each layer leaves what its gradient needs and a few short-lived values; backward frees
  // layer after layer and makes values of all sizes.
  for (int layers : {2, 4, 12, 24}) {
    for (int64_t width : {128, 768, 1000}) {
      MemoryPlanner planner;
      std::vector<Placed> values;
      auto add = [&](int64_t elements, int first, int last) {
        values.push_back({planner.addValue(4 * elements, first, last), 4 * elements, first, last});
      };
      const int64_t rows = 96;
      const int end = 40 * layers;
      for (int layer = 0; layer < layers; ++layer) {
        int t = 10 * layer, back = end - 20 * layer;
        add(rows * width, t, t + 10);            // residual stream
        add(rows * width, t, back);              // normalised input
        add(rows, t, back);                      // mean
        add(rows * width * 3, t + 1, back - 2);  // q, k, v
        add(rows * width, t + 2, back - 2);      // attention output
        add(rows * 12, t + 2, back - 2);         // log-sum-exp
        add(rows * width * 4, t + 4, back - 10); // hidden
        add(rows * width * 4, t + 4, t + 5);     // activation
        add(rows * width * 4, back - 12, back - 10);
        add(rows * width * 3, back - 6, back - 3);
        add(rows * width, back - 8, back);
        add(width * width * 4, back - 11, end + 5); // weight gradients, until the optimizer
        add(width * width * 4, back - 10, end + 5);
        add(width * width * 3, back - 4, end + 5);
        add(width * width, back - 6, end + 5);
      }
      planner.solve();
      expectNoOverlap(planner, values);
      EXPECT_LE(static_cast<double>(planner.arenaBytes()), 1.01 * planner.maxLiveBytes())
          << layers << " layers of width " << width;
    }
  }
}

TEST(MemoryPlanner, reuse_takes_over_the_buffer_of_a_dying_operand) {
  MemoryPlanner planner;
  int operand = planner.addValue(256, 0, 3);
  int result = planner.addValue(256, 3, 5);
  int other = planner.addValue(256, 4, 6);
  EXPECT_FALSE(planner.reuse(other, operand)) << "the operand is dead before";
  EXPECT_TRUE(planner.reuse(result, operand));
  EXPECT_FALSE(planner.reuse(result, operand)) << "they share already";
  planner.solve();
  EXPECT_EQ(planner.offset(result), planner.offset(operand));
  EXPECT_EQ(planner.arenaBytes(), 512);
  EXPECT_EQ(planner.maxLiveBytes(), 512);
}

TEST(MemoryPlanner, reuse_refuses_operands_that_live_on_or_differ_in_size) {
  MemoryPlanner planner;
  int live = planner.addValue(256, 0, 4), large = planner.addValue(512, 0, 3);
  int result = planner.addValue(256, 3, 5);
  EXPECT_FALSE(planner.reuse(result, live));
  EXPECT_FALSE(planner.reuse(result, large));
}

TEST(MemoryPlanner, windows_move_with_the_whole) {
  MemoryPlanner planner;
  int whole = planner.addValue(768, 5, 9);
  int q = planner.addValue(256, 1, 5), k = planner.addValue(512, 2, 5);
  int filler = planner.addValue(1024, 0, 9);
  EXPECT_TRUE(planner.placeInside(q, whole, 0));
  EXPECT_TRUE(planner.placeInside(k, whole, 256));
  EXPECT_FALSE(planner.placeInside(k, filler, 0)) << "a window belongs to one buffer";
  planner.solve();
  EXPECT_EQ(planner.offset(q), planner.offset(whole));
  EXPECT_EQ(planner.offset(k), planner.offset(whole) + 256);
  EXPECT_EQ(planner.bufferFirst(whole), 1);
  EXPECT_EQ(planner.arenaBytes(), 1024 + 768);
}

TEST(MemoryPlanner, external_buffers_take_no_arena_and_are_given_back_in_time) {
  MemoryPlanner planner;
  int gradient = planner.addExternal(256, 0, 3);
  planner.reserve(gradient, 8);
  int early = planner.addValue(256, 3, 7), late = planner.addValue(256, 3, 8);
  EXPECT_FALSE(planner.reuse(late, gradient)) << "the new value is written at 8";
  EXPECT_TRUE(planner.reuse(early, gradient));
  planner.solve();
  EXPECT_EQ(planner.externalOwner(early), gradient);
  EXPECT_EQ(planner.externalOwner(late), -1);
  EXPECT_EQ(planner.arenaBytes(), 256);
}

TEST(MemoryPlanner, nothing_needs_nothing) {
  MemoryPlanner planner;
  planner.solve();
  EXPECT_EQ(planner.arenaBytes(), 0);
  EXPECT_EQ(planner.maxLiveBytes(), 0);
}

} // namespace
} // namespace heddle::passes
