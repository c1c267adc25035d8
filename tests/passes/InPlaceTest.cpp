// SPDX-License-Identifier: Apache-2.0
#include "passes/InPlace.h"

#include <gtest/gtest.h>

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {
namespace {

struct Case {
  std::string name;
  /// The kernel's assignments, type and body; %0, %1, ... are the function's arguments.
  std::string arguments, kernel;
  /// Pairs (input, result) that may share a buffer; all others may not.
  std::vector<std::pair<unsigned, unsigned>> allowed;
};

std::vector<Case> cases() {
  return {
      {"map_same_element",
       "%0: tensor<4x8xf32>, %1: tensor<8xf32>",
       R"((%a = %0, %b = %1) : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32> {
         %x = heddle.add %a, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
         %y = heddle.tanh %x : tensor<4x8xf32>
         heddle.yield %y : tensor<4x8xf32>
       })",
       {{0, 0}}},
      {"map_through_a_reshape",
       "%0: tensor<32xf32>",
       R"((%a = %0) : (tensor<32xf32>) -> tensor<2x16xf32> {
         %r = heddle.reshape %a : tensor<32xf32> -> tensor<4x8xf32>
         %x = heddle.exp %r : tensor<4x8xf32>
         %y = heddle.reshape %x : tensor<4x8xf32> -> tensor<2x16xf32>
         heddle.yield %y : tensor<2x16xf32>
       })",
       {{0, 0}}},
      {"map_through_a_transpose",
       "%0: tensor<8x8xf32>, %1: tensor<8x8xf32>",
       R"((%a = %0, %b = %1) : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32> {
         %t = heddle.transpose %a {permutation = array<i64: 1, 0>} : (tensor<8x8xf32>) -> tensor<8x8xf32>
         %y = heddle.add %t, %b : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
         heddle.yield %y : tensor<8x8xf32>
       })",
       {{1, 0}}},
      {"map_read_in_place_and_elsewhere",
       "%0: tensor<8x8xf32>",
       R"((%a = %0) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
         %t = heddle.transpose %a {permutation = array<i64: 1, 0>} : (tensor<8x8xf32>) -> tensor<8x8xf32>
         %y = heddle.add %t, %a : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
         heddle.yield %y : tensor<8x8xf32>
       })",
       {}},
      {"map_of_a_slice_as_large_as_the_result",
       "%0: tensor<8x8xf32>",
       R"((%a = %0) : (tensor<8x8xf32>) -> tensor<4x8xf32> {
         %s = heddle.slice %a {offsets = array<i64: 4, 0>, sizes = array<i64: 4, 8>} : (tensor<8x8xf32>) -> tensor<4x8xf32>
         %y = heddle.exp %s : tensor<4x8xf32>
         heddle.yield %y : tensor<4x8xf32>
       })",
       {}},
      {"column_as_large_as_the_rows_statistic",
       "%0: tensor<8x1xf32>, %1: tensor<8x8xf32>",
       R"((%a = %0, %b = %1) : (tensor<8x1xf32>, tensor<8x8xf32>) -> tensor<8xf32> {
         %s = heddle.add %a, %b : (tensor<8x1xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
         %y = heddle.sum %s {axes = array<i64: 1>} : (tensor<8x8xf32>) -> tensor<8xf32>
         heddle.yield %y : tensor<8xf32>
       })",
       {}},
      {"strided_copy",
       "%0: tensor<8x8xf32>",
       R"((%a = %0) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
         %t = heddle.transpose %a {permutation = array<i64: 1, 0>} : (tensor<8x8xf32>) -> tensor<8x8xf32>
         heddle.yield %t : tensor<8x8xf32>
       })",
       {}},
      {"mask_of_another_element_type",
       "%0: tensor<4x8xi32>",
       R"((%a = %0) : (tensor<4x8xi32>) -> tensor<4x8xf32> {
         %y = heddle.cast %a : tensor<4x8xi32> -> tensor<4x8xf32>
         heddle.yield %y : tensor<4x8xf32>
       })",
       {}},
      {"gemm_takes_the_epilogue_operand_only",
       "%0: tensor<8x8xf32>, %1: tensor<8x8xf32>, %2: tensor<8x8xf32>",
       R"((%a = %0, %b = %1, %c = %2) : (tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32> {
         %p = heddle.matmul %a, %b : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
         %y = heddle.add %p, %c : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
         heddle.yield %y : tensor<8x8xf32>
       })",
       {{2, 0}}},
      {"row_of_full_operands",
       "%0: tensor<4x8xf32>, %1: tensor<4x8xf32>, %2: tensor<8xf32>",
       R"((%a = %0, %b = %1, %g = %2) : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4xf32>) {
         %s = heddle.add %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
         %y, %rstd = heddle.rms_norm %s gamma(%g) {eps = 1.0e-5} : (tensor<4x8xf32>, tensor<8xf32>) -> (tensor<4x8xf32>, tensor<4xf32>)
         heddle.yield %s, %y, %rstd : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4xf32>
       })",
       {{0, 0}, {1, 0}, {0, 1}, {1, 1}}},
      {"sums_over_rows_cross_threads",
       "%0: tensor<8x8xf32>",
       R"((%a = %0) : (tensor<8x8xf32>) -> tensor<8xf32> {
         %y = heddle.sum %a {axes = array<i64: 0>} : (tensor<8x8xf32>) -> tensor<8xf32>
         heddle.yield %y : tensor<8xf32>
       })",
       {}},
      {"adamw",
       "%0: tensor<4x8xf32>, %1: tensor<4x8xf32>, %2: tensor<4x8xf32>, %3: tensor<4x8xf32>, %4: "
       "tensor<9xf32>, %5: tensor<f32>",
       R"((%p = %0, %g = %1, %m = %2, %v = %3, %h = %4, %s = %5) : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<9xf32>, tensor<f32>) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) {
         %x, %y, %z = heddle.adamw %p, %g, %m, %v, %h, %s : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<9xf32>, tensor<f32>) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>)
         heddle.yield %x, %y, %z : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
       })",
       {{0, 0}, {2, 1}, {3, 2}}},
      {"embedding_grad_scatters_onto_its_start",
       "%0: tensor<3xi32>, %1: tensor<3x8xf32>, %2: tensor<3x8xf32>",
       R"((%i = %0, %d = %1, %t = %2) : (tensor<3xi32>, tensor<3x8xf32>, tensor<3x8xf32>) -> tensor<3x8xf32> {
         %y = heddle.embedding_grad %i, %d init(%t) : (tensor<3xi32>, tensor<3x8xf32>, tensor<3x8xf32>) -> tensor<3x8xf32>
         heddle.yield %y : tensor<3x8xf32>
       })",
       {{2, 0}}},
      {"attention_shares_nothing",
       "%0: tensor<1x2x4x8xf32>, %1: tensor<1x2x4x8xf32>, %2: tensor<1x2x4x8xf32>",
       R"((%q = %0, %k = %1, %v = %2) : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32> {
         %o, %lse = heddle.attention %q, %k, %v {scale = 0.5} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> (tensor<1x2x4x8xf32>, tensor<1x2x4xf32>)
         heddle.yield %o : tensor<1x2x4x8xf32>
       })",
       {}}};
}

class InPlace : public testing::TestWithParam<Case> {};

TEST_P(InPlace, allows_exactly) {
  const Case &test = GetParam();
  MLIRContext context;
  context.loadDialect<HeddleDialect, func::FuncDialect>();
  const bool several = test.kernel.find("-> (") != std::string::npos &&
                       test.kernel.find("-> (") < test.kernel.find('{');
  std::string text = "func.func @f(" + test.arguments + ") {\n  " + (several ? "%r:3" : "%r") +
                     " = heddle.kernel \"k\" " + test.kernel + "\n  return\n}\n";
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  ASSERT_TRUE(module) << text;
  auto kernel = *(*module->getOps<func::FuncOp>().begin()).getOps<KernelOp>().begin();
  for (unsigned input = 0; input < kernel.getInputs().size(); ++input)
    for (unsigned result = 0; result < kernel->getNumResults(); ++result)
      EXPECT_EQ(mayShareBuffer(kernel, input, result),
                llvm::is_contained(test.allowed, std::pair(input, result)))
          << "input " << input << ", result " << result;
}

INSTANTIATE_TEST_SUITE_P(kernels, InPlace, testing::ValuesIn(cases()),
                         [](const testing::TestParamInfo<Case> &info) { return info.param.name; });

} // namespace
} // namespace heddle::passes
