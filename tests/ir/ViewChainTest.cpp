// SPDX-License-Identifier: Apache-2.0
// Chains of view ops as strided access: what a view reads or stores is what the ops mean.

#include "ir/ViewChain.h"

#include <numeric>

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tests/ir/IrHarness.h"

namespace heddle::ir {
namespace {

TensorRef iota(std::vector<int64_t> shape) {
  Tensor tensor = shaped(std::move(shape));
  std::iota(tensor.floats.begin(), tensor.floats.end(), 0.0);
  return std::make_shared<const Tensor>(std::move(tensor));
}

class ViewChainTest : public IrTest {
protected:
  /// The value that the function of `body` over %0 of `shape` returns.
  mlir::Value returned(const std::string &body, const std::string &type,
                       std::vector<int64_t> shape) {
    argument_ = iota(std::move(shape));
    module_ = parse(functionText(body, type, {argument_}));
    auto function = *module_->getOps<mlir::func::FuncOp>().begin();
    return function.getBody().front().getTerminator()->getOperand(0);
  }

  mlir::Value parameter() {
    return (*module_->getOps<mlir::func::FuncOp>().begin()).getArgument(0);
  }

  TensorRef argument_;
  mlir::OwningOpRef<mlir::ModuleOp> module_;
};

TEST_F(ViewChainTest, QueryHeadsOfAMergedProjection) {
  mlir::Value heads = returned(
      "%1 = heddle.slice %0 {offsets = array<i64: 0, 0, 6>, sizes = array<i64: 2, 5, 6>} : "
      "(tensor<2x5x18xf64>) -> tensor<2x5x6xf64>\n"
      "%2 = heddle.reshape %1 : tensor<2x5x6xf64> -> tensor<2x5x3x2xf64>\n"
      "%3 = heddle.transpose %2 {permutation = array<i64: 0, 2, 1, 3>} : (tensor<2x5x3x2xf64>) -> "
      "tensor<2x3x5x2xf64>\n"
      "return %3 : tensor<2x3x5x2xf64>",
      "tensor<2x3x5x2xf64>", {2, 5, 18});
  ViewOfRoot found = viewThroughChain(heads);
  EXPECT_EQ(found.root, parameter());
  EXPECT_EQ(found.view.offset, 6);
  EXPECT_EQ(found.view.strides, (std::vector<int64_t>{90, 2, 18, 1}));
  Tensor read = shaped(found.view.sizes);
  gather(*argument_, found.view, read);
  EXPECT_EQ(read.floats, run(*module_, {argument_})[0]->floats);
}

TEST_F(ViewChainTest, StopsBeforeAReshapeThatIsNoStridedAccess) {
  mlir::Value value =
      returned("%1 = heddle.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<2x3xf64>) -> "
               "tensor<3x2xf64>\n"
               "%2 = heddle.reshape %1 : tensor<3x2xf64> -> tensor<6xf64>\n"
               "%3 = heddle.broadcast %2 : tensor<6xf64> -> tensor<4x6xf64>\n"
               "return %3 : tensor<4x6xf64>",
               "tensor<4x6xf64>", {2, 3});
  ViewOfRoot found = viewThroughChain(value);
  // The transpose must be stored densely; the reshape and the broadcast of it need not.
  ASSERT_TRUE(found.root.getDefiningOp<TransposeOp>());
  EXPECT_EQ(found.view.strides, (std::vector<int64_t>{0, 1}));
}

TEST_F(ViewChainTest, AValueWithoutAChainIsItself) {
  mlir::Value value = returned("%1 = heddle.exp %0 : tensor<2x3xf64>\nreturn %1 : tensor<2x3xf64>",
                               "tensor<2x3xf64>", {2, 3});
  ViewOfRoot found = viewThroughChain(value);
  EXPECT_EQ(found.root, value);
  EXPECT_TRUE(found.view.isDense());
}

class StoreViewTest : public ViewChainTest {
protected:
  /// Stores exp(%0), the first op, at its place in the result and compares with what the ops say.
  void expectStores(const std::string &chain, const std::string &type, std::vector<int64_t> shape) {
    mlir::Value result =
        returned("%1 = heddle.exp %0 : " + typeText(shaped(shape)) + "\n" + chain, type, shape);
    mlir::Value computed = *parameter().getUsers().begin()->result_begin();
    auto view = storeView(computed, result);
    ASSERT_TRUE(view);
    Tensor expected = *run(*module_, {argument_})[0];
    Tensor stored = expected;
    std::fill(stored.floats.begin(), stored.floats.end(), 0.0);
    Tensor source = shaped(shape);
    for (size_t i = 0; i < source.floats.size(); ++i)
      source.floats[i] = std::exp(argument_->floats[i]);
    scatter(source, *view, stored);
    for (size_t i = 0; i < stored.floats.size(); ++i)
      ASSERT_TRUE(stored.floats[i] == 0 || stored.floats[i] == expected.floats[i]) << i;
    ASSERT_EQ(source.elements(), view->elements());
  }
};

TEST_F(StoreViewTest, HeadsBackToRows) {
  expectStores("%2 = heddle.transpose %1 {permutation = array<i64: 0, 2, 1, 3>} : "
               "(tensor<2x3x5x2xf64>) -> tensor<2x5x3x2xf64>\n"
               "%3 = heddle.reshape %2 : tensor<2x5x3x2xf64> -> tensor<2x5x6xf64>\n"
               "return %3 : tensor<2x5x6xf64>",
               "tensor<2x5x6xf64>", {2, 3, 5, 2});
}

TEST_F(StoreViewTest, OnePartOfAConcat) {
  expectStores("%c = heddle.constant dense<0.0> : tensor<2x4xf64>\n"
               "%d = heddle.constant dense<0.0> : tensor<2x1xf64>\n"
               "%2 = heddle.concat %c, %1, %d {axis = 1 : i64} : (tensor<2x4xf64>, "
               "tensor<2x3xf64>, tensor<2x1xf64>) -> tensor<2x8xf64>\n"
               "return %2 : tensor<2x8xf64>",
               "tensor<2x8xf64>", {2, 3});
}

TEST_F(StoreViewTest, ThePermutationIsInverted) {
  expectStores("%2 = heddle.transpose %1 {permutation = array<i64: 2, 0, 1>} : "
               "(tensor<2x3x4xf64>) -> tensor<4x2x3xf64>\n"
               "return %2 : tensor<4x2x3xf64>",
               "tensor<4x2x3xf64>", {2, 3, 4});
}

TEST_F(StoreViewTest, OtherOpsAndSecondUsesAreRefused) {
  mlir::Value negated = returned("%1 = heddle.exp %0 : tensor<2xf64>\n"
                                 "%2 = heddle.neg %1 : tensor<2xf64>\n"
                                 "return %2 : tensor<2xf64>",
                                 "tensor<2xf64>", {2});
  EXPECT_FALSE(storeView(negated.getDefiningOp()->getOperand(0), negated));
  EXPECT_TRUE(storeView(negated, negated));
  mlir::Value doubled = returned("%1 = heddle.exp %0 : tensor<2xf64>\n"
                                 "%2 = heddle.concat %1, %1 {axis = 0 : i64} : (tensor<2xf64>, "
                                 "tensor<2xf64>) -> tensor<4xf64>\n"
                                 "return %2 : tensor<4xf64>",
                                 "tensor<4xf64>", {2});
  EXPECT_FALSE(storeView(doubled.getDefiningOp()->getOperand(0), doubled));
}

} // namespace
} // namespace heddle::ir
