// SPDX-License-Identifier: Apache-2.0
// Names of arguments, layer paths in locations, and one random stream in all rooms.

#include "ir/Conventions.h"

#include "ir/LayerPath.h"
#include "ir/interpreter/Philox.h"
#include "runtime/plan/Philox.h"
#include "tests/ir/IrHarness.h"

namespace heddle::ir {
namespace {

using ConventionsTest = IrTest;

TEST_F(ConventionsTest, ArgumentsAndResultsAreFoundByName) {
  auto module = parse(
      "func.func @step(%w: tensor<1xf32> {heddle.kind = \"param\", heddle.name = \"wte.weight\"}, "
      "%x: tensor<1xi32>) -> (tensor<1xf32> {heddle.kind = \"param\", heddle.name = "
      "\"wte.weight\"}) {\n  return %w : tensor<1xf32>\n}");
  auto function = *module->getOps<mlir::func::FuncOp>().begin();
  EXPECT_EQ(argumentKind(function, 0), kKindParam);
  EXPECT_EQ(argumentName(function, 0), "wte.weight");
  EXPECT_EQ(argumentKind(function, 1), "");
  EXPECT_EQ(resultKind(function, 0), kKindParam);
  EXPECT_EQ(resultName(function, 0), "wte.weight");
  EXPECT_EQ(findArgument(function, "wte.weight"), 0u);
  EXPECT_EQ(findResult(function, "wte.weight"), 0u);
  EXPECT_FALSE(findArgument(function, "wpe.weight"));
  setArgumentNames(function, 1, kKindInput, "input_ids");
  EXPECT_EQ(findArgument(function, "input_ids"), 1u);
  EXPECT_EQ(argumentKind(function, 1), kKindInput);
}

TEST_F(ConventionsTest, NamelessArgumentsGetFreeNames) {
  auto module = parse("func.func @f(%x: tensor<1xf32>, %y: tensor<1xf32> {heddle.kind = \"param\", "
                      "heddle.name = \"arg0\"}) -> (tensor<1xf32>, tensor<1xf32>) {\n"
                      "  return %x, %y : tensor<1xf32>, tensor<1xf32>\n}");
  auto function = *module->getOps<mlir::func::FuncOp>().begin();
  EXPECT_EQ(
      nameTheNameless(function),
      (std::vector<std::string>{"argument 0: arg0_", "result 0: result0", "result 1: result1"}));
  EXPECT_EQ(argumentName(function, 0), "arg0_");
  EXPECT_EQ(argumentKind(function, 0), kKindInput);
  EXPECT_EQ(argumentName(function, 1), "arg0");
  EXPECT_EQ(argumentKind(function, 1), kKindParam);
  EXPECT_EQ(resultKind(function, 1), kKindOutput);
  EXPECT_TRUE(nameTheNameless(function).empty());
}

TEST_F(ConventionsTest, LayerPathsSurviveFusionAndInlining) {
  mlir::Location unknown = mlir::UnknownLoc::get(&context_);
  mlir::Location attention = layerLoc(&context_, "decoder.layers.7.attention");
  mlir::Location ffn = layerLoc(&context_, "decoder.layers.7.ffn");
  EXPECT_EQ(layerPath(attention), "decoder.layers.7.attention");
  EXPECT_EQ(layerPath(unknown), "");
  EXPECT_EQ(layerPath(mlir::FusedLoc::get(&context_, {unknown, ffn, attention})),
            "decoder.layers.7.ffn");
  EXPECT_EQ(layerPath(mlir::CallSiteLoc::get(unknown, attention)), "decoder.layers.7.attention");
  EXPECT_EQ(layerPath(mlir::CallSiteLoc::get(ffn, attention)), "decoder.layers.7.ffn");
}

TEST_F(ConventionsTest, InterpreterAndRuntimeDrawTheSameNumbers) {
  for (uint64_t seed : {uint64_t{0}, uint64_t{42}, ~uint64_t{0}, uint64_t{1} << 40})
    for (uint64_t element :
         {uint64_t{0}, uint64_t{1}, (uint64_t{1} << 32) + 5, ~uint64_t{0} >> 16}) {
      DropoutStream stream{seed, 7, 3, 65535};
      EXPECT_EQ(stream.uniform(element), runtime::dropoutUniform(seed, element, 65535, 3, 7));
      // Kept where u >= p.
      double u = stream.uniform(element);
      EXPECT_EQ(stream.factor(element, u), 1 / (1 - u));
      EXPECT_EQ(stream.factor(element, u + 0x1p-24), 0);
    }
}

} // namespace
} // namespace heddle::ir
