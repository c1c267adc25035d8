// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <gtest/gtest.h>

#include "runtime/plan/CpuFeatures.h"
#include "runtime/plan/Philox.h"
#include "runtime/plan/Tensor.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;

// The known answers that the authors publish with Random123 (kat_vectors).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  uint32_t f = 0xffffffff;
  EXPECT_EQ(philox4x32({f, f, f, f}, {f, f}),
            (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, DropoutKeepsTheShareAsked) {
  int kept = 0;
  for (uint64_t e = 0; e < 100000; ++e)
    kept += dropoutUniform(5, e, 3, 1, 17) >= 0.2f;
  EXPECT_NEAR(kept / 100000.0, 0.8, 0.006);
  EXPECT_NE(dropoutUniform(5, 0, 3, 1, 17), dropoutUniform(5, 0, 3, 2, 17));
  EXPECT_NE(dropoutUniform(5, 0, 3, 1, 17), dropoutUniform(5, 0, 3, 1, 18));
}

TEST(RandomStream, NumbersAreInRangeAndStreamsDiffer) {
  RandomStream a(1, "a"), b(1, "b"), other(2, "a");
  EXPECT_NE(a.block(0), b.block(0));
  EXPECT_NE(a.block(0), other.block(0));
  EXPECT_EQ(a.block(7), RandomStream(1, "a").block(7));
  double sum = 0;
  for (uint64_t i = 0; i < 20000; ++i) {
    EXPECT_LT(a.below(i, 3), 3u);
    double u = a.uniform(i);
    EXPECT_GE(u, 0);
    EXPECT_LT(u, 1);
    sum += u;
  }
  EXPECT_NEAR(sum / 20000, 0.5, 0.01);
}

TEST(CpuFeatures, MissingOnesAreNamed) {
  const CpuFeatures &host = CpuFeatures::host();
  EXPECT_TRUE(host.has("sse2"));
  EXPECT_THAT(host.require({"sse2", "+64bit"}), IsOk());
  EXPECT_THAT(host.require({"sse2", "avx1024"}), IsBadInput("lacks avx1024"));
  EXPECT_EQ(host.has("avx512_bf16"), host.has("avx512bf16"));
}

TEST(Convert, BetweenTypes) {
  Tensor ids = Tensor::of<int64_t>(DType::I64, {3}, {1, -100, 70000});
  auto narrow = convertTensor(ids, DType::I32, "ids");
  ASSERT_THAT(narrow, IsOk());
  EXPECT_EQ(narrow->as<int32_t>()[2], 70000);
  EXPECT_THAT(convertTensor(Tensor::of<int64_t>(DType::I64, {1}, {1LL << 40}), DType::I32, "ids"),
              IsBadInput("does not fit into I32"));
  EXPECT_THAT(convertTensor(ids, DType::F32, "ids"),
              IsBadInput("tensor ids: is I64, expected F32"));
  auto wide = convertTensor(Tensor::of<uint16_t>(DType::BF16, {1}, {0x3FC0}), DType::F32, "x");
  ASSERT_THAT(wide, IsOk());
  EXPECT_EQ(wide->as<float>()[0], 1.5f);
  auto back = convertTensor(*wide, DType::BF16, "x");
  ASSERT_THAT(back, IsOk());
  EXPECT_EQ(back->as<uint16_t>()[0], 0x3FC0);
}

} // namespace
} // namespace heddle::runtime
