// SPDX-License-Identifier: Apache-2.0
// Which kernels are one: what kernelText() prints alike, whatever their place and layer.
#include "codegen/KernelClasses.h"

#include <gtest/gtest.h>

#include "codegen/KernelText.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

constexpr const char *kKernels = R"(
func.func @f(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %0 = heddle.kernel "add" (%a = %x, %b = %y) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> attributes {offsets = array<i64: 0>} {
    %o = heddle.sub %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    heddle.yield %o : tensor<4xf32>
  } loc("layers.0")
  // The same, elsewhere.
  %1 = heddle.kernel "add" (%a = %y, %b = %0) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> attributes {heddle.arguments = array<i64: 0>, offsets = array<i64: 64>} {
    %o = heddle.sub %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    heddle.yield %o : tensor<4xf32>
  } loc("layers.1")
  // Both operands are one buffer.
  %2 = heddle.kernel "add" (%a = %1, %b = %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> {
    %o = heddle.sub %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    heddle.yield %o : tensor<4xf32>
  }
  // The other way round.
  %3 = heddle.kernel "add" (%a = %x, %b = %2) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> {
    %o = heddle.sub %b, %a : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    heddle.yield %o : tensor<4xf32>
  }
  %4 = heddle.kernel "shift" (%a = %3) : (tensor<4xf32>) -> tensor<4xf32> {
    %c = heddle.constant dense<1.0> : tensor<f32>
    %o = heddle.add %a, %c : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
    heddle.yield %o : tensor<4xf32>
  }
  // Another number in an attribute.
  %5 = heddle.kernel "shift" (%a = %4) : (tensor<4xf32>) -> tensor<4xf32> {
    %c = heddle.constant dense<2.0> : tensor<f32>
    %o = heddle.add %a, %c : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
    heddle.yield %o : tensor<4xf32>
  }
  return %5 : tensor<4xf32>
}
)";

TEST(KernelClassesTest, ClassesAreThoseOfTheTexts) {
  MLIRContext context;
  context.loadDialect<ir::HeddleDialect, func::FuncDialect>();
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(kKernels, &context);
  ASSERT_TRUE(module);
  KernelClasses classes(*module);
  std::vector<size_t> found;
  std::vector<std::string> texts;
  module->walk([&](ir::KernelOp kernel) {
    found.push_back(classes.classOf(kernel));
    texts.push_back(kernelText(kernel));
  });
  EXPECT_EQ(found, (std::vector<size_t>{0, 0, 1, 2, 3, 4}));
  EXPECT_EQ(classes.firsts().size(), 5u);
  for (size_t i = 0; i < texts.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      EXPECT_EQ(texts[i] == texts[j], found[i] == found[j]) << i << " and " << j;
}

} // namespace
} // namespace heddle::codegen
