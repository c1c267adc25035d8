// SPDX-License-Identifier: Apache-2.0
// The bound on a sum of f32 against sums in every order that a kernel might take.
#include <algorithm>
#include <numeric>
#include <random>

#include "ir/interpreter/Bounded.h"
#include "gtest/gtest.h"

namespace heddle::ir {
namespace {

float inOrder(const std::vector<float> &terms) {
  return std::accumulate(terms.begin(), terms.end(), 0.0f);
}

/// Lane i adds terms i, i + lanes, ...; the lanes are added last.
float byLanes(const std::vector<float> &terms, size_t lanes) {
  std::vector<float> sums(lanes);
  for (size_t i = 0; i < terms.size(); ++i)
    sums[i % lanes] += terms[i];
  return inOrder(sums);
}

float byBlocks(const std::vector<float> &terms, size_t size) {
  std::vector<float> sums;
  for (size_t i = 0; i < terms.size(); i += size)
    sums.push_back(
        std::accumulate(terms.begin() + i, terms.begin() + std::min(i + size, terms.size()), 0.0f));
  return inOrder(sums);
}

using Sequence = float (*)(size_t i, size_t count, std::mt19937 &random);

float uniform(std::mt19937 &random) { return std::uniform_real_distribution<float>(0, 1)(random); }

class BoundedSumTest : public testing::TestWithParam<Sequence> {};

TEST_P(BoundedSumTest, HoldsInAnyOrder) {
  std::mt19937 random(7);
  double largest = 0;
  for (size_t count : {1, 2, 3, 5, 17, 64, 131, 1000, 4096})
    for (int sample = 0; sample < 30; ++sample) {
      std::vector<float> terms(count);
      BoundedSum sum;
      for (size_t i = 0; i < count; ++i) {
        terms[i] = GetParam()(i, count, random);
        sum += terms[i];
      }
      Bounded expected = sum;
      auto expectWithin = [&](float actual, const char *order) {
        double error = std::abs(actual - expected.value);
        EXPECT_LE(error, expected.error) << order << " of " << count << " terms";
        largest = std::max(largest, expected.error > 0 ? error / expected.error : 0);
      };
      expectWithin(inOrder(terms), "in order");
      for (size_t lanes : {4, 8, 16, 64})
        expectWithin(byLanes(terms, lanes), "by lanes");
      for (size_t size : {2, 64, 256})
        expectWithin(byBlocks(terms, size), "by blocks");
      std::reverse(terms.begin(), terms.end());
      expectWithin(inOrder(terms), "in reverse");
      std::shuffle(terms.begin(), terms.end(), random);
      expectWithin(inOrder(terms), "shuffled");
    }
  // Not out of all proportion either.
  EXPECT_GE(largest, 0.05);
}

INSTANTIATE_TEST_SUITE_P(
    Terms, BoundedSumTest,
    testing::Values([](size_t, size_t, std::mt19937 &r) { return 2 * uniform(r) - 1; },
                    [](size_t, size_t, std::mt19937 &r) { return uniform(r); },
                    [](size_t, size_t, std::mt19937 &r) { return 1 + 1e-3f * uniform(r); },
                    // Equal terms, which all round the same way.
                    [](size_t, size_t n, std::mt19937 &) {
                      return 1.0f / static_cast<float>(n + 7);
                    },
                    [](size_t, size_t, std::mt19937 &) { return 0.1f; },
                    // Cancels between neighbours, and between halves.
                    [](size_t i, size_t, std::mt19937 &r) {
                      return (i % 2 ? -1 : 1) * (1 + 1e-3f * uniform(r));
                    },
                    [](size_t i, size_t n, std::mt19937 &r) {
                      return (2 * i < n ? -1 : 1) * (1 + 1e-3f * uniform(r));
                    },
                    // Over many magnitudes.
                    [](size_t, size_t, std::mt19937 &r) {
                      return (2 * uniform(r) - 1) * std::exp2(-20 * uniform(r));
                    }));

} // namespace
} // namespace heddle::ir
