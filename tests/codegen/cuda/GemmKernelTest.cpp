// SPDX-License-Identifier: Apache-2.0
// The complete kernels are right and clean, whatever order threads run and copies land in.
#include <gtest/gtest.h>

#include "tests/codegen/cuda/GemmRun.h"

namespace heddle::test {
namespace {

void expectRight(const Outcome &outcome) {
  EXPECT_TRUE(outcome.result.isFinished && outcome.result.faults.empty()) << outcome.result.text();
  EXPECT_EQ(outcome.wrong, 0);
}

TEST(GemmWgmmaKernel, is_exact_over_whole_and_odd_shapes) {
  const EmulatedKernels &kernels = EmulatedKernels::ofFile("GemmWgmma.cu");
  for (GemmShape shape : {GemmShape{256, 256, 320}, {200, 136, 72}, {1, 8, 8}, {129, 264, 200}})
    for (uint32_t cluster : {1u, 2u}) {
      SCOPED_TRACE(testing::Message() << shape.m << "x" << shape.n << "x" << shape.k);
      expectRight(runGemmWgmma(kernels, shape, 2, cluster));
    }
}

TEST(GemmWgmmaKernel, is_clean_in_every_order) {
  const EmulatedKernels &kernels = EmulatedKernels::ofFile("GemmWgmma.cu");
  for (uint64_t seed = 1; seed <= 6; ++seed)
    for (uint32_t cluster : {1u, 2u})
      expectRight(runGemmWgmma(kernels, {256, 256, 320}, cluster, cluster, {true, seed}));
}

TEST(GemmWgmmaKernel, gives_the_same_without_checks) {
  const EmulatedKernels &kernels = EmulatedKernels::ofFile("GemmWgmma.cu");
  expectRight(runGemmWgmma(kernels, {256, 256, 320}, 2, 2, {false}));
}

TEST(GemmMmaKernel, is_exact_over_whole_and_odd_shapes) {
  const EmulatedKernels &kernels = EmulatedKernels::ofFile("GemmMma.cu");
  for (GemmShape shape : {GemmShape{128, 128, 192}, {70, 33, 40}, {1, 1, 8}, {64, 64, 16}})
    expectRight(runGemmMma(kernels, shape));
}

TEST(GemmMmaKernel, is_clean_in_every_order) {
  const EmulatedKernels &kernels = EmulatedKernels::ofFile("GemmMma.cu");
  for (uint64_t seed = 1; seed <= 6; ++seed)
    expectRight(runGemmMma(kernels, {70, 70, 168}, {true, seed}));
}

} // namespace
} // namespace heddle::test
