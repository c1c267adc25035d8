// SPDX-License-Identifier: Apache-2.0
// Reads the assembly of the loops over k: every form that was slow when measured shows there
// (anchors/spike_cpu_zen5.md, section 4): spills, register copies, operands broadcast from memory.

#include <sstream>

#include "codegen/cpu/Attention.h"
#include "codegen/cpu/Gemm.h"
#include "tests/codegen/JitHarness.h"
#include "tests/codegen/KernelText.h"
#include "gtest/gtest.h"

namespace heddle::codegen {
namespace {

struct Loop {
  std::string text;
  int fmas = 0, broadcasts = 0, stackAccesses = 0, copies = 0, embedded = 0;
};

bool isRegisterCopy(const std::string &line) {
  size_t move = line.find("vmova");
  if (move == std::string::npos)
    move = line.find("vmovu");
  return move != std::string::npos && line.find('(') == std::string::npos;
}

/// Innermost loops: from a label to a jump back to it with no label between that is jumped to.
std::vector<Loop> innermostLoops(const std::string &assembly) {
  std::vector<Loop> loops;
  std::istringstream stream(assembly);
  std::string line, label;
  Loop current;
  while (std::getline(stream, line)) {
    if (line.rfind(".LBB", 0) == 0) {
      label = line.substr(0, line.find(':'));
      current = Loop();
      continue;
    }
    current.text += line + "\n";
    current.fmas += line.find("vfmadd") != std::string::npos;
    // Constants come from the literal pool, elements of A do not.
    current.broadcasts +=
        line.find("vbroadcastss") != std::string::npos && line.find("(%rip)") == std::string::npos;
    current.stackAccesses += line.find("%rsp") != std::string::npos;
    current.copies += isRegisterCopy(line);
    current.embedded += line.find("{1to") != std::string::npos;
    size_t jump = line.find("\tj");
    if (jump != std::string::npos && !label.empty() && line.find(label) != std::string::npos &&
        line.find(label) + label.size() == line.find_last_not_of(" \t") + 1)
      loops.push_back(current);
  }
  return loops;
}

void expectCleanLoops(const std::string &assembly, int rows, int vectors, int least = 1) {
  int found = 0;
  for (const Loop &loop : innermostLoops(assembly)) {
    if (loop.fmas != rows * vectors || loop.broadcasts + loop.embedded == 0)
      continue;
    ++found;
    EXPECT_EQ(loop.broadcasts, rows) << loop.text;
    EXPECT_EQ(loop.stackAccesses, 0) << loop.text;
    EXPECT_EQ(loop.copies, 0) << loop.text;
    EXPECT_EQ(loop.embedded, 0) << loop.text;
  }
  EXPECT_GE(found, least) << "too few loops of " << rows << " x " << vectors
                          << " multiply-adds in\n"
                          << assembly;
}

std::string gemmAssembly(const std::string &targetName, const KernelText &text) {
  Target target = *parseTarget(targetName);
  mlir::OwningOpRef<mlir::ModuleOp> module;
  auto generated = generateGemm(parseKernel(text, module), target, nullptr);
  EXPECT_TRUE(succeeded(generated));
  return *JitKernel::assembly(std::move(*generated), target);
}

KernelText matmul(const std::string &a, const std::string &b, const std::string &attributes) {
  std::string y = "tensor<768x768xf32>";
  return {{a, b},
          "%y = heddle.matmul %0, %1 " + attributes + ": (" + a + ", " + b + ") -> " + y,
          {"%y"},
          {y}};
}

TEST(InnerLoop, GemmOnAvx512) {
  expectCleanLoops(
      gemmAssembly("cpu:avx512", matmul("tensor<768x512xf32>", "tensor<512x768xf32>", "")), 8, 3);
}

TEST(InnerLoop, GemmOnAvx2) {
  expectCleanLoops(
      gemmAssembly("cpu:avx2", matmul("tensor<768x512xf32>", "tensor<512x768xf32>", "")), 6, 2);
}

TEST(InnerLoop, WeightGradient) {
  for (auto [target, rows, vectors] :
       {std::tuple("cpu:avx512", 8, 3), std::tuple("cpu:avx2", 6, 2)})
    expectCleanLoops(gemmAssembly(target, matmul("tensor<512x768xf32>", "tensor<512x768xf32>",
                                                 "{transpose_a} ")),
                     rows, vectors);
}

TEST(InnerLoop, InputGradient) {
  for (auto [target, rows, vectors] :
       {std::tuple("cpu:avx512", 8, 3), std::tuple("cpu:avx2", 6, 2)})
    expectCleanLoops(gemmAssembly(target, matmul("tensor<768x512xf32>", "tensor<768x512xf32>",
                                                 "{transpose_b} ")),
                     rows, vectors);
}

TEST(InnerLoop, Attention) {
  std::string x = "tensor<1x2x64x64xf32>", lse = "tensor<1x2x64xf32>";
  std::string types = x + ", " + x + ", " + x;
  KernelText forward = {{x, x, x},
                        "%o, %l = heddle.attention %0, %1, %2 {causal, scale = 0.125 : f64} : (" +
                            types + ") -> (" + x + ", " + lse + ")",
                        {"%o", "%l"},
                        {x, lse}};
  KernelText backward = {
      {x, x, x, x, lse, x},
      "%dq, %dk, %dv = heddle.attention_grad %0, %1, %2, %3, %4, %5 {causal, scale = 0.125 : f64} "
      ": (" +
          types + ", " + x + ", " + lse + ", " + x + ") -> (" + types + ")",
      {"%dq", "%dk", "%dv"},
      {x, x, x}};
  for (auto [name, rows] : {std::tuple("cpu:avx512", 8), std::tuple("cpu:avx2", 4)}) {
    Target target = *parseTarget(name);
    mlir::OwningOpRef<mlir::ModuleOp> module;
    auto generated = generateAttention(parseKernel(forward, module), target, nullptr);
    ASSERT_TRUE(succeeded(generated));
    expectCleanLoops(*JitKernel::assembly(std::move(*generated), target), rows, 2, 3);
    generated = generateAttentionGrad(parseKernel(backward, module), target, nullptr);
    ASSERT_TRUE(succeeded(generated));
    expectCleanLoops(*JitKernel::assembly(std::move(*generated), target), rows, 2, 3);
  }
}

} // namespace
} // namespace heddle::codegen
