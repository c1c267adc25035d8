// SPDX-License-Identifier: Apache-2.0
// What the interpreter refuses, in which words, and what its observer sees.

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tests/ir/IrHarness.h"

namespace heddle::ir {
namespace {

class InterpreterErrors : public IrTest {
protected:
  absl::Status statusOf(const std::string &text, std::vector<TensorRef> arguments) {
    auto module = parse(text);
    if (!module)
      return absl::InternalError("does not parse");
    return evaluate(*module->getOps<mlir::func::FuncOp>().begin(), arguments).status();
  }
  void expectError(absl::Status status, absl::StatusCode code, const std::string &message) {
    EXPECT_EQ(status.code(), code);
    EXPECT_EQ(std::string(status.message()), message);
  }
};

const char *kEmbedding =
    "func.func @f(%t: tensor<3x2xf64> {heddle.name = \"wte\"}, %ids: tensor<2xi32>) -> "
    "tensor<2x2xf64> {\n"
    "  %r = heddle.embedding %t, %ids : (tensor<3x2xf64>, tensor<2xi32>) -> tensor<2x2xf64> "
    "loc(\"decoder.embedding\")\n  return %r : tensor<2x2xf64>\n}";

TEST_F(InterpreterErrors, NameTheOpAndTheLayer) {
  TensorRef table = floats({3, 2}, {1, 2, 3, 4, 5, 6});
  expectError(
      statusOf(kEmbedding, {table, ints({2}, {0, 3})}), absl::StatusCode::kInvalidArgument,
      "heddle.embedding (decoder.embedding): ids[1] is 3, expected at least 0 and less than 3");
  expectError(
      statusOf(kEmbedding, {table, ints({2}, {-1, 0})}), absl::StatusCode::kInvalidArgument,
      "heddle.embedding (decoder.embedding): ids[0] is -1, expected at least 0 and less than 3");
}

TEST_F(InterpreterErrors, ArgumentsMustFit) {
  TensorRef table = floats({3, 2}, {1, 2, 3, 4, 5, 6});
  expectError(statusOf(kEmbedding, {table}), absl::StatusCode::kInvalidArgument,
              "@f takes 2 arguments, found 1");
  expectError(statusOf(kEmbedding, {ints({2}, {0, 0}), table}), absl::StatusCode::kInvalidArgument,
              "argument 0 (wte) of @f is i32 [2], expected f64 [3, 2]");
}

TEST_F(InterpreterErrors, TargetsMustBeInTheVocabulary) {
  expectError(statusOf("func.func @f(%l: tensor<1x2xf64>, %t: tensor<1xi32>) -> tensor<1xf64> {\n"
                       "  %r:2 = heddle.cross_entropy %l, %t : (tensor<1x2xf64>, tensor<1xi32>) -> "
                       "(tensor<1xf64>, tensor<1xf64>)\n  return %r#0 : tensor<1xf64>\n}",
                       {floats({1, 2}, {0, 0}), ints({1}, {2})}),
              absl::StatusCode::kInvalidArgument,
              "heddle.cross_entropy: targets[0] is 2, expected at least 0 and less than 2");
}

TEST_F(InterpreterErrors, AnObserverSeesEveryOpAndMayStop) {
  auto module = parse("func.func @f(%x: tensor<1xf64>) -> tensor<1xf64> {\n"
                      "  %0 = heddle.kernel \"k\" (%a = %x) : (tensor<1xf64>) -> tensor<1xf64> {\n"
                      "    %1 = heddle.log %a : tensor<1xf64>\n"
                      "    heddle.yield %1 : tensor<1xf64>\n  }\n"
                      "  %2 = heddle.exp %0 : tensor<1xf64>\n  return %2 : tensor<1xf64>\n}");
  auto function = *module->getOps<mlir::func::FuncOp>().begin();
  std::vector<std::string> seen;
  auto observer = [&](mlir::Operation *op, llvm::ArrayRef<TensorRef> results) {
    seen.push_back(op->getName().getStringRef().str());
    return results[0]->isFinite() ? absl::OkStatus() : absl::AbortedError("not finite");
  };
  EXPECT_TRUE(evaluate(function, {floats({1}, {1})}, observer).ok());
  EXPECT_EQ(seen, (std::vector<std::string>{"heddle.log", "heddle.kernel", "heddle.exp"}));
  EXPECT_EQ(evaluate(function, {floats({1}, {0})}, observer).status().code(),
            absl::StatusCode::kAborted);
}

} // namespace
} // namespace heddle::ir
