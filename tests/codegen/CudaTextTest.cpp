// SPDX-License-Identifier: Apache-2.0
// The text of CUDA kernels as such; what it computes is in the tests of each form.
#include "codegen/cuda/DeviceHeader.h"
#include "codegen/cuda/Nvrtc.h"
#include "codegen/cuda/kernels/CudaProgram.h"
#include "tests/codegen/KernelText.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace heddle::codegen {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string textOf(const KernelText &kernel) {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  ir::KernelOp op = parseKernel(kernel, module);
  std::string reason;
  mlir::FailureOr<CudaProgram> program = generateCudaProgram(op, "name", &reason);
  EXPECT_TRUE(succeeded(program)) << reason;
  return succeeded(program) ? program->text : "";
}

KernelText gelu(const std::string &type) {
  return {{type}, "%y = heddle.gelu %0 : " + type, {"%y"}, {type}};
}

/// One kernel of each form.
const std::vector<KernelText> &forms() {
  static const std::vector<KernelText> kernels = {
      gelu("tensor<3x5xf32>"),
      {{"tensor<3x5xf32>"},
       "%y = heddle.softmax %0 : tensor<3x5xf32>",
       {"%y"},
       {"tensor<3x5xf32>"}},
      {{"tensor<300x5xf32>"},
       "%y = heddle.sum %0 {axes = array<i64: 0>} : (tensor<300x5xf32>) -> tensor<5xf32>",
       {"%y"},
       {"tensor<5xf32>"}},
      {{"tensor<33x700xf32>", "tensor<700x9xf32>"},
       "%y = heddle.matmul %0, %1 : (tensor<33x700xf32>, tensor<700x9xf32>) -> tensor<33x9xf32>",
       {"%y"},
       {"tensor<33x9xf32>"}},
      {{"tensor<1x2x9x8xf32>"},
       "%o, %l = heddle.attention %0, %0, %0 {scale = 0.5 : f64, causal} : (tensor<1x2x9x8xf32>, "
       "tensor<1x2x9x8xf32>, tensor<1x2x9x8xf32>) -> (tensor<1x2x9x8xf32>, tensor<1x2x9xf32>)",
       {"%o", "%l"},
       {"tensor<1x2x9x8xf32>", "tensor<1x2x9xf32>"}},
      {{"tensor<1x2x9x8xf32>", "tensor<1x2x9xf32>"},
       "%q, %k, %v = heddle.attention_grad %0, %0, %0, %0, %1, %0 {scale = 0.5 : f64, causal} : "
       "(tensor<1x2x9x8xf32>, tensor<1x2x9x8xf32>, tensor<1x2x9x8xf32>, tensor<1x2x9x8xf32>, "
       "tensor<1x2x9xf32>, tensor<1x2x9x8xf32>) -> (tensor<1x2x9x8xf32>, tensor<1x2x9x8xf32>, "
       "tensor<1x2x9x8xf32>)",
       {"%q", "%k", "%v"},
       {"tensor<1x2x9x8xf32>", "tensor<1x2x9x8xf32>", "tensor<1x2x9x8xf32>"}},
      {{"tensor<2x3x5x4xf32>", "tensor<1x5xi32>"},
       "%y = heddle.rope %0, %1 {inv_freq = array<f64: 1.0, 0.01>} : (tensor<2x3x5x4xf32>, "
       "tensor<1x5xi32>) -> tensor<2x3x5x4xf32>",
       {"%y"},
       {"tensor<2x3x5x4xf32>"}},
  };
  return kernels;
}

TEST(CudaText, ReadsAsItIsMeant) {
  EXPECT_EQ(textOf(gelu("tensor<3x5xf32>")), R"(// 15 elements as [15]
GK_KERNEL(256, 1) name(const float *in0, float *out0) {
  const u32 i = (u32)gk_block_x() * 256 + gk_thread();
  if (i >= 15)
    return;
  const float v0 = in0[i];
  const float v1 = gk_gelu(v0);
  out0[i] = v1;
}
GK_EXPORT(name)
)");
}

TEST(CudaText, IsTheSameEachTime) {
  for (const KernelText &kernel : forms())
    EXPECT_EQ(textOf(kernel), textOf(kernel));
}

TEST(CudaText, SpellsTheVocabularyOnly) {
  for (const KernelText &kernel : forms())
    for (const char *foreign : {"asm", "__", "threadIdx", "blockIdx", "#include"})
      EXPECT_THAT(textOf(kernel), Not(HasSubstr(foreign)));
}

TEST(CudaText, NumbersManyElementsIn64Bits) {
  EXPECT_THAT(textOf(gelu("tensor<65535x32767xf32>")), HasSubstr("const u32 i ="));
  EXPECT_THAT(textOf(gelu("tensor<65536x50304xf32>")), HasSubstr("const u64 i ="));
  // A window of few elements that begins far behind.
  EXPECT_THAT(
      textOf({{"tensor<65536x50304xf32>"},
              "%s = heddle.slice %0 {offsets = array<i64: 65000, 0>, sizes = array<i64: 2, 7>} "
              ": (tensor<65536x50304xf32>) -> tensor<2x7xf32>\n"
              "%y = heddle.exp %s : tensor<2x7xf32>",
              {"%y"},
              {"tensor<2x7xf32>"}}),
      HasSubstr("const u64 i ="));
}

TEST(CudaText, ReadsFoursWhereTheyAreAligned) {
  EXPECT_THAT(textOf(gelu("tensor<3x8xf32>")), HasSubstr("gk_load4"));
  EXPECT_THAT(textOf({{"tensor<16xf32>"},
                      "%s = heddle.slice %0 {offsets = array<i64: 1>, sizes = array<i64: 8>} : "
                      "(tensor<16xf32>) -> tensor<8xf32>\n"
                      "%y = heddle.exp %s : tensor<8xf32>",
                      {"%y"},
                      {"tensor<8xf32>"}}),
              Not(HasSubstr("gk_load4")));
}

TEST(CudaText, SaysWhatNoDeviceTakes) {
  auto reasonOf = [](const KernelText &kernel) {
    mlir::OwningOpRef<mlir::ModuleOp> module;
    ir::KernelOp op = parseKernel(kernel, module);
    std::string reason;
    EXPECT_TRUE(failed(generateCudaProgram(op, "name", &reason)));
    return reason;
  };
  EXPECT_THAT(reasonOf(gelu("tensor<2097152x2097151xf32>")), HasSubstr("blocks, more than"));
  std::string heads = "tensor<1x1x4x2048xf32>";
  EXPECT_THAT(reasonOf({{heads},
                        "%o, %l = heddle.attention %0, %0, %0 {scale = 0.5 : f64} : (" + heads +
                            ", " + heads + ", " + heads + ") -> (" + heads + ", tensor<1x1x4xf32>)",
                        {"%o", "%l"},
                        {heads, "tensor<1x1x4xf32>"}}),
              HasSubstr("bytes of shared memory, more than the 232448"));
}

TEST(CudaText, CompilesForDevices) {
  StatusOr<const Nvrtc *> nvrtc = Nvrtc::get();
  if (!nvrtc.ok())
    GTEST_SKIP() << nvrtc.status();
  for (const char *architecture : {"sm_80", "sm_90a"})
    for (const KernelText &kernel : forms()) {
      std::string source = kernelSource(textOf(kernel), "name.cu", {}, /*forHost=*/false);
      StatusOr<Cubin> cubin = (*nvrtc)->compile(source, "name.cu", {architecture, true, false});
      ASSERT_TRUE(cubin.ok()) << cubin.status();
      EXPECT_THAT(cubin->log, Not(HasSubstr("C75")));
      EXPECT_THAT(cubin->log, HasSubstr("0 bytes spill stores"));
    }
}

} // namespace
} // namespace heddle::codegen
