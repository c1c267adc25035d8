// SPDX-License-Identifier: Apache-2.0
// Matrix products as the generators write them, run on the emulator over whole and odd shapes and
// compared with the product in float64; and through NVRTC where it is installed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codegen/cuda/Nvrtc.h"
#include "tests/codegen/cuda/GeneratedGemm.h"

namespace heddle::test {
namespace {

using codegen::CudaGemm;
using codegen::CudaGemmLayout;
using codegen::CudaKernel;
using codegen::CudaType;
using testing::HasSubstr;
using testing::Not;

/// Runs it and expects it clean and right.
void check(const CudaGemm &gemm, const CudaKernel &kernel, uint64_t seed = 0) {
  SCOPED_TRACE(kernel.name);
  Outcome outcome = runGemm(gemm, kernel, kernel.text, {true, seed});
  EXPECT_TRUE(outcome.result.isFinished && outcome.result.faults.empty()) << outcome.result.text();
  EXPECT_EQ(outcome.wrong, 0);
}

std::vector<CudaGemm> problems(std::vector<std::array<int, 3>> shapes) {
  std::vector<CudaGemm> all;
  for (auto [m, n, k] : shapes)
    for (CudaGemmLayout layout : {CudaGemmLayout::NT, CudaGemmLayout::NN, CudaGemmLayout::TN})
      all.push_back({m, n, k, layout});
  return all;
}

TEST(GeneratedGemm, by_mma_bf16_over_odd_shapes_and_layouts) {
  // Rows of 16-byte, 8-byte, 4-byte and 2-byte alignment; less than a tile and several of them.
  for (CudaGemm gemm :
       problems({{64, 64, 32}, {70, 36, 44}, {33, 130, 50}, {5, 7, 3}, {1, 1, 1}})) {
    gemm.hasBias = gemm.m % 2;
    check(gemm, codegen::gemmByMma(gemm));
  }
}

TEST(GeneratedGemm, by_mma_with_large_tiles) {
  for (CudaGemm gemm : problems({{130, 200, 104}})) {
    gemm.multiprocessors = 1; // large tiles from one on
    check(gemm, codegen::gemmByMma(gemm), 3);
    gemm.input = gemm.output = CudaType::F32;
    check(gemm, codegen::gemmByMma(gemm));
  }
}

TEST(GeneratedGemm, by_mma_f32_and_mixed) {
  for (CudaGemm gemm : problems({{64, 64, 32}, {37, 70, 29}})) {
    gemm.input = gemm.output = CudaType::F32;
    gemm.hasBias = true;
    check(gemm, codegen::gemmByMma(gemm));
    gemm.input = CudaType::BF16;
    check(gemm, codegen::gemmByMma(gemm));
  }
}

CudaKernel byWgmma(const CudaGemm &gemm) {
  StatusOr<CudaKernel> kernel = codegen::gemmByWgmma(gemm);
  EXPECT_TRUE(kernel.ok()) << kernel.status();
  return kernel.ok() ? *kernel : CudaKernel{};
}

TEST(GeneratedGemm, by_wgmma_bf16_over_odd_shapes_and_layouts) {
  for (CudaGemm gemm : problems({{128, 128, 64}, {200, 136, 72}, {264, 328, 200}, {8, 8, 8}})) {
    gemm.multiprocessors = 2;
    gemm.hasBias = gemm.m != 128;
    check(gemm, byWgmma(gemm));
  }
}

TEST(GeneratedGemm, by_wgmma_with_every_slot_used_again) {
  // Several tiles of more steps than slots on one cluster, in two orders.
  for (CudaGemm gemm : problems({{256, 512, 320}})) {
    gemm.multiprocessors = 2;
    for (uint64_t seed : {0, 1})
      check(gemm, byWgmma(gemm), seed);
  }
}

TEST(GeneratedGemm, by_wgmma_f32_in_and_out) {
  CudaGemm gemm{136, 264, 100};
  gemm.multiprocessors = 2;
  gemm.output = CudaType::F32;
  gemm.k = 104;
  check(gemm, byWgmma(gemm));
  gemm.hasBias = true;
  gemm.input = CudaType::F32;
  gemm.k = 100;
  check(gemm, byWgmma(gemm));
}

TEST(GeneratedGemm, what_the_hardware_refuses_is_said) {
  auto refusal = [](const CudaGemm &gemm) {
    return std::string(codegen::gemmByWgmma(gemm).status().message());
  };
  EXPECT_THAT(refusal({64, 64, 36}), HasSubstr("rows of A have 36 elements of 2 bytes"));
  EXPECT_THAT(refusal({64, 60, 64}), HasSubstr("rows of C have 60 elements"));
  EXPECT_THAT(refusal({64, 64, 64, CudaGemmLayout::TN, CudaType::F32, CudaType::F32}),
              HasSubstr("both lie along k"));
  EXPECT_EQ(refusal({60, 64, 64}), "");
}

TEST(GeneratedGemm, text_is_a_function_of_the_problem_and_says_what_it_is) {
  CudaGemm gemm{1000, 520, 200, CudaGemmLayout::NN, CudaType::BF16, CudaType::BF16, true};
  CudaKernel kernel = byWgmma(gemm);
  EXPECT_EQ(kernel.name, "gemm_nn_bf16_m1000_n520_k200_bias_wgmma");
  EXPECT_EQ(kernel.text, byWgmma(gemm).text);
  EXPECT_THAT(kernel.text, HasSubstr("// C[1000][520] = A[1000][200] B[200][520] + bias[520], "
                                     "bf16 to bf16, sums in f32."));
  for (const std::string &text : {kernel.text, codegen::gemmByMma(gemm).text}) {
    EXPECT_THAT(text, Not(HasSubstr("$"))) << "a place that was not filled in";
    EXPECT_THAT(text, Not(HasSubstr("asm")));
    EXPECT_THAT(text, Not(HasSubstr("#include")));
  }
}

TEST(GeneratedGemm, compiles_without_spills_or_complaints) {
  StatusOr<const codegen::Nvrtc *> nvrtc = codegen::Nvrtc::get();
  if (!nvrtc.ok())
    GTEST_SKIP() << std::string(nvrtc.status().message());
  std::vector<CudaKernel> kernels;
  for (CudaGemmLayout layout : {CudaGemmLayout::NT, CudaGemmLayout::NN, CudaGemmLayout::TN}) {
    CudaGemm gemm{8192, 2304, 768, layout};
    gemm.hasBias = true;
    kernels.push_back(byWgmma(gemm));
    kernels.push_back(codegen::gemmByMma(gemm));
  }
  CudaGemm wide{8192, 2304, 768};
  wide.input = wide.output = CudaType::F32;
  kernels.push_back(byWgmma(wide));
  kernels.push_back(codegen::gemmByMma(wide));
  for (const CudaKernel &kernel : kernels) {
    std::string file = kernel.name + ".cu";
    StatusOr<codegen::Cubin> cubin =
        (*nvrtc)->compile(codegen::kernelSource(kernel.text, file, kernel.wgmma, false), file,
                          {kernel.architecture, /*verbose=*/true});
    ASSERT_TRUE(cubin.ok()) << cubin.status();
    EXPECT_THAT(cubin->log, Not(HasSubstr("(C75"))) << kernel.name;
    EXPECT_THAT(cubin->log, Not(HasSubstr("warning"))) << kernel.name;
    EXPECT_THAT(cubin->log, HasSubstr("0 bytes spill stores")) << kernel.name;
  }
}

} // namespace
} // namespace heddle::test
