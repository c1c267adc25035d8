// SPDX-License-Identifier: Apache-2.0
// What the lanes of a warp do together, against its definition in plain loops. Operands are small
// integers, so that every result is exact in any order. kernels/*.cu are the same for a device.
#include <cmath>

#include <gtest/gtest.h>

#include "tests/codegen/cuda/EmulatedKernel.h"

namespace heddle::test {
namespace {

using emulator::fromBf16;
using emulator::LaunchShape;

constexpr LaunchShape kWarp{{1, 1, 1}, 1, 32, 4096};

std::vector<float> asFloat(const std::vector<int> &values) {
  return {values.begin(), values.end()};
}

TEST(WarpConformance, mma_bf16_multiplies_16x16_by_16x8) {
  std::vector<int> a = smallIntegers(256, 1), b = smallIntegers(128, 2);
  Memory memory;
  float *d = memory.make<float>(128);
  EmulatedKernels::ofFile("Warp.cu").run("mma_bf16", kWarp, memory, memory.make(asBf16(a)),
                                         memory.make(asBf16(b)), d);
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 8; ++j) {
      int sum = 0;
      for (int k = 0; k < 16; ++k)
        sum += a[i * 16 + k] * b[k * 8 + j];
      EXPECT_EQ(d[i * 8 + j], sum) << i << "," << j;
    }
}

TEST(WarpConformance, mma_tf32_adds_16x8_by_8x8) {
  std::vector<int> a = smallIntegers(128, 3), b = smallIntegers(64, 4), c = smallIntegers(128, 5);
  Memory memory;
  float *d = memory.make(asFloat(c));
  EmulatedKernels::ofFile("Warp.cu").run("mma_tf32", kWarp, memory, memory.make(asFloat(a)),
                                         memory.make(asFloat(b)), d);
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 8; ++j) {
      int sum = c[i * 8 + j];
      for (int k = 0; k < 8; ++k)
        sum += a[i * 8 + k] * b[k * 8 + j];
      EXPECT_EQ(d[i * 8 + j], sum) << i << "," << j;
    }
}

TEST(WarpConformance, ldmatrix_gives_the_fragments_of_mma) {
  std::vector<int> a = smallIntegers(256, 6), b = smallIntegers(256, 7);
  for (int transposeA : {0, 1})
    for (int transposeB : {0, 1}) {
      Memory memory;
      float *d = memory.make<float>(256);
      EmulatedKernels::ofFile("Warp.cu").run("ldmatrix_mma", kWarp, memory, memory.make(asBf16(a)),
                                             memory.make(asBf16(b)), d, transposeA, transposeB);
      for (int i = 0; i < 16; ++i)
        for (int j = 0; j < 16; ++j) {
          int sum = 0;
          for (int k = 0; k < 16; ++k)
            sum += (transposeA ? a[k * 16 + i] : a[i * 16 + k]) *
                   (transposeB ? b[k * 16 + j] : b[j * 16 + k]);
          EXPECT_EQ(d[i * 16 + j], sum) << transposeA << transposeB << " " << i << "," << j;
        }
    }
}

TEST(WarpConformance, ldmatrix_x2_loads_two_matrices) {
  std::vector<uint16_t> in(128);
  for (int i = 0; i < 128; ++i)
    in[i] = static_cast<uint16_t>(1000 + i);
  for (int transpose : {0, 1}) {
    Memory memory;
    uint32_t *out = memory.make<uint32_t>(64);
    EmulatedKernels::ofFile("Warp.cu").run("ldmatrix_x2", kWarp, memory, memory.make(in), out,
                                           transpose);
    for (int j = 0; j < 2; ++j)
      for (int lane = 0; lane < 32; ++lane) {
        int g = lane / 4, t2 = lane % 4 * 2;
        uint32_t low = in[j * 64 + (transpose ? t2 * 8 + g : g * 8 + t2)];
        uint32_t high = in[j * 64 + (transpose ? (t2 + 1) * 8 + g : g * 8 + t2 + 1)];
        EXPECT_EQ(out[j * 32 + lane], low | high << 16);
      }
  }
}

TEST(WarpConformance, stmatrix_is_the_inverse_of_the_fragments) {
  std::vector<uint32_t> in(128);
  for (uint32_t i = 0; i < 128; ++i)
    in[i] = (2 * i) | (2 * i + 1) << 16;
  for (int transpose : {0, 1}) {
    Memory memory;
    uint16_t *out = memory.make<uint16_t>(256);
    EmulatedKernels::ofFile("Stmatrix.cu")
        .run("stmatrix", kWarp, memory, memory.make(in), out, transpose);
    for (int lane = 0; lane < 32; ++lane)
      for (int j = 0; j < 4; ++j) {
        // Register j is rows 0-7 or 8-15 (j even, odd) of columns 0-7 or 8-15 of the tile.
        int row = lane / 4 + 8 * (j & 1), column = lane % 4 * 2 + 8 * (j >> 1);
        for (int half = 0; half < 2; ++half) {
          int at = transpose ? (column + half) * 16 + row : row * 16 + column + half;
          EXPECT_EQ(out[at], static_cast<uint16_t>(in[4 * lane + j] >> (16 * half)));
        }
      }
  }
}

TEST(WarpConformance, shuffles_and_reductions) {
  std::vector<int> values = smallIntegers(32, 8, 1000);
  std::vector<uint32_t> in(values.begin(), values.end());
  for (uint32_t argument : {1u, 2u, 5u, 16u, 31u}) {
    Memory memory;
    uint32_t *out = memory.make<uint32_t>(224);
    EmulatedKernels::ofFile("Warp.cu").run("shuffles", kWarp, memory, memory.make(in), argument,
                                           out);
    int sum = 0, greatest = values[0];
    for (int value : values) {
      sum += value;
      greatest = std::max(greatest, value);
    }
    for (uint32_t lane = 0; lane < 32; ++lane) {
      EXPECT_EQ(out[lane], in[lane ^ argument]);
      EXPECT_EQ(out[32 + lane], in[argument]);
      EXPECT_EQ(out[64 + lane], in[lane >= argument ? lane - argument : lane]);
      EXPECT_EQ(out[96 + lane], in[lane + argument < 32 ? lane + argument : lane]);
      EXPECT_EQ(out[128 + lane], bits(static_cast<float>(sum)));
      EXPECT_EQ(out[160 + lane], bits(static_cast<float>(greatest)));
      EXPECT_EQ(out[192 + lane], bits(static_cast<float>(values[lane ^ argument])));
    }
  }
}

TEST(WarpConformance, conversions_round_as_the_instructions) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<float> in = {0.0f,     -0.0f,     1.0f,       1.00390625f,   1.01171875f, 3.4e38f,
                           1e-40f,   kInfinity, -kInfinity, NAN,           0.1f,        -0.3f,
                           65504.0f, 1e-38f,    255.5f,     1.00048828125f};
  in.resize(32, 0.7f);
  Memory memory;
  uint32_t *out = memory.make<uint32_t>(160);
  EmulatedKernels::ofFile("Warp.cu").run("conversions", kWarp, memory, memory.make(in), out);
  EXPECT_EQ(out[2], 0x3f80u | 0xbf80u << 16);
  EXPECT_EQ(out[3] & 0xffff, 0x3f80u) << "a tie goes to the even neighbour";
  EXPECT_EQ(out[4] & 0xffff, 0x3f82u) << "a tie goes to the even neighbour";
  EXPECT_EQ(out[5] & 0xffff, 0x7f80u) << "the greatest f32 rounds to infinity";
  EXPECT_EQ(out[9] & 0xffff, 0x7fffu) << "the instruction's NaN";
  EXPECT_EQ(out[96 + 15], 0x3f802000u) << "tf32: a tie goes away from zero";
  EXPECT_EQ(out[96 + 7], 0x7f800000u);
  for (int i = 0; i < 32; ++i) {
    float low = std::bit_cast<float>(out[32 + i]), high = std::bit_cast<float>(out[64 + i]);
    if (i == 9)
      continue;
    EXPECT_EQ(bits(low), bits(fromBf16(emulator::toBf16(in[i]))));
    EXPECT_EQ(bits(high), bits(fromBf16(emulator::toBf16(-in[i]))));
    EXPECT_EQ(out[128 + i], bits(low));
    if (std::isfinite(in[i])) {
      EXPECT_LE(std::abs(std::bit_cast<float>(out[96 + i]) - in[i]),
                std::max(1e-38f, std::abs(in[i]) * 0x1p-11f));
    }
  }
}

TEST(WarpConformance, elementary_functions) {
  std::vector<float> in;
  for (int i = 0; i < 32; ++i)
    in.push_back(0.03f + 0.37f * static_cast<float>(i));
  Memory memory;
  float *out = memory.make<float>(288);
  EmulatedKernels::ofFile("Warp.cu").run("elementary", kWarp, memory, memory.make(in), out);
  for (int i = 0; i < 32; ++i) {
    double x = in[i];
    auto near = [&](int which, double expected, double relative) {
      EXPECT_NEAR(out[which * 32 + i], expected, relative * std::max(1.0, std::abs(expected)))
          << which << " of " << x;
    };
    near(0, std::exp2(x), 3e-7);
    near(1, std::log2(x), 3e-7);
    near(2, std::tanh(x), 1e-3);
    near(3, 1 / x, 2e-7);
    near(4, 1 / std::sqrt(x), 3e-7);
    near(5, std::sqrt(x), 1e-7);
    EXPECT_EQ(out[6 * 32 + i], std::fma(in[i], in[i], -1.0f));
    EXPECT_EQ(out[7 * 32 + i], std::max(in[i], 1.0f));
    EXPECT_EQ(out[8 * 32 + i], in[i]);
  }
}

TEST(WarpConformance, shared_words_of_every_width) {
  std::vector<uint32_t> in(448);
  for (uint32_t i = 0; i < in.size(); ++i)
    in[i] = 0x3f000000u + 7 * i;
  Memory memory;
  uint32_t *out = memory.make<uint32_t>(in.size());
  EmulatedKernels::ofFile("Warp.cu").run("shared_words", kWarp, memory, memory.make(in), out);
  for (size_t i = 0; i < in.size(); ++i)
    EXPECT_EQ(out[i], in[i] + 1) << i;
}

} // namespace
} // namespace heddle::test
