// SPDX-License-Identifier: Apache-2.0
// What the generated kernels take on a device, from their cubins. Skipped where there is no NVRTC.
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codegen/cuda/CubinInfo.h"
#include "codegen/cuda/Gemm.h"
#include "codegen/cuda/Nvrtc.h"

namespace heddle::test {
namespace {

using namespace heddle::codegen;

class Resources : public testing::Test {
protected:
  void SetUp() override {
    StatusOr<const Nvrtc *> found = Nvrtc::get();
    if (!found.ok())
      GTEST_SKIP() << std::string(found.status().message());
    nvrtc = *found;
  }
  CubinKernel compile(const CudaKernel &kernel, std::string *bytes = nullptr) {
    std::string file = kernel.name + ".cu";
    StatusOr<Cubin> cubin = nvrtc->compile(kernelSource(kernel.text, file, kernel.wgmma, false),
                                           file, {kernel.architecture});
    EXPECT_TRUE(cubin.ok()) << cubin.status();
    if (!cubin.ok())
      return {};
    auto kernels = readCubin(cubin->bytes);
    EXPECT_TRUE(kernels.ok() && kernels->count(kernel.name)) << kernel.name;
    if (bytes)
      *bytes = cubin->bytes;
    return kernels.ok() ? (*kernels)[kernel.name] : CubinKernel{};
  }
  /// What no kernel may have.
  static void expectLean(const CubinKernel &kernel) {
    EXPECT_EQ(kernel.frameBytes, 0);
    EXPECT_EQ(kernel.count(CudaOpcode::LocalLoad), 0);
    EXPECT_EQ(kernel.count(CudaOpcode::LocalStore), 0);
    EXPECT_EQ(kernel.count(CudaOpcode::DoubleFma), 0);
  }
  const Nvrtc *nvrtc = nullptr;
};

TEST_F(Resources, gemm_by_wgmma) {
  // 384 threads of 168 registers fill a multiprocessor; setmaxnreg shares them out anew.
  for (CudaGemmLayout layout : {CudaGemmLayout::NT, CudaGemmLayout::TN}) {
    CubinKernel kernel = compile(*gemmByWgmma({8192, 2304, 768, layout}));
    expectLean(kernel);
    EXPECT_EQ(kernel.registers, 168);
    EXPECT_EQ(kernel.count(CudaOpcode::SetRegisters), 2);
    EXPECT_GE(kernel.count(CudaOpcode::Hgmma), 4);
    EXPECT_EQ(kernel.count(CudaOpcode::Hmma), 0);
    EXPECT_GE(kernel.count(CudaOpcode::Utmaldg), 2);
    EXPECT_GE(kernel.count(CudaOpcode::Utmastg), 1);
    EXPECT_GE(kernel.count(CudaOpcode::Stsm), 4);
    // The two cluster barriers, outside of every loop: one more would be paid for each k step.
    EXPECT_EQ(kernel.count(CudaOpcode::GpuMembar), 2);
  }
}

TEST_F(Resources, gemm_by_mma) {
  CubinKernel kernel = compile(gemmByMma({8192, 2304, 768}));
  expectLean(kernel);
  EXPECT_LE(kernel.registers, 255);
  // 2 k of a step, 4 x 4 tiles of 16 x 8.
  EXPECT_EQ(kernel.count(CudaOpcode::Hmma) % 32, 0);
  EXPECT_GT(kernel.count(CudaOpcode::Hmma), 0);
  EXPECT_GT(kernel.count(CudaOpcode::Ldsm), 0);
  EXPECT_GT(kernel.count(CudaOpcode::Ldgsts), 0);
  EXPECT_EQ(kernel.count(CudaOpcode::Hgmma), 0);
  EXPECT_EQ(kernel.count(CudaOpcode::GpuMembar), 0);
}

TEST_F(Resources, spilled_registers_are_seen) {
  CudaKernel kernel;
  kernel.name = "spills";
  kernel.architecture = "sm_80";
  // More live values than the launch bound leaves registers for.
  kernel.text = "GK_KERNEL(1024, 2) spills(const float *in, float *out, int n) {\n"
                "  float x[64];\n"
                "  GK_UNROLL for (int i = 0; i < 64; i++) x[i] = in[gk_thread() + i * n];\n"
                "  gk_syncthreads();\n"
                "  GK_UNROLL for (int i = 0; i < 64; i++) out[gk_thread() + i * n] = x[63 - i];\n"
                "}\nGK_EXPORT(spills)\n";
  CubinKernel spilled = compile(kernel);
  EXPECT_GT(spilled.frameBytes, 0);
  EXPECT_GT(spilled.count(CudaOpcode::LocalLoad), 0);
  EXPECT_GT(spilled.count(CudaOpcode::LocalStore), 0);
}

TEST_F(Resources, damaged_cubins_do_no_harm) {
  std::string bytes;
  compile(gemmByMma({64, 64, 64}), &bytes);
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    std::string damaged = bytes.substr(0, random() % bytes.size());
    for (int byte = 0; byte < 8 && !damaged.empty(); ++byte)
      damaged[random() % std::min<size_t>(damaged.size(), 4096)] = static_cast<char>(random());
    (void)readCubin(damaged);
  }
  EXPECT_FALSE(readCubin("").ok());
  EXPECT_FALSE(readCubin(std::string(64, 'x')).ok());
}

} // namespace
} // namespace heddle::test
