// SPDX-License-Identifier: Apache-2.0
#include "tests/ir/IrHarness.h"

#include <cmath>

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

namespace heddle::ir {

TensorRef floats(std::vector<int64_t> shape, std::vector<double> values, ElementKind kind) {
  return std::make_shared<const Tensor>(
      Tensor::ofFloats(std::move(shape), std::move(values), kind));
}

Tensor shaped(std::vector<int64_t> shape) {
  return Tensor::zeros(ElementKind::f64, std::move(shape));
}

TensorRef ints(std::vector<int64_t> shape, std::vector<int64_t> values, ElementKind kind) {
  return std::make_shared<const Tensor>(Tensor::ofInts(std::move(shape), std::move(values), kind));
}

TensorRef randomFloats(std::vector<int64_t> shape, unsigned seed, double scale) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal(0.0, scale);
  Tensor tensor = shaped(std::move(shape));
  for (double &value : tensor.floats)
    value = normal(engine);
  return std::make_shared<const Tensor>(std::move(tensor));
}

TensorRef rngState(int64_t seed, int64_t step, int64_t microBatch) {
  return ints({3}, {seed, step, microBatch}, ElementKind::i64);
}

void expectNear(const Tensor &a, const Tensor &b, double rtol, double atol) {
  ASSERT_EQ(a.describe(), b.describe());
  ASSERT_EQ(a.ints, b.ints);
  for (size_t i = 0; i < a.floats.size(); ++i) {
    if (a.floats[i] == b.floats[i]) // also equal infinities
      continue;
    ASSERT_NEAR(a.floats[i], b.floats[i], atol + rtol * std::fabs(b.floats[i]))
        << "element " << i << " of " << a.describe();
  }
}

std::string typeText(const Tensor &tensor) {
  std::string text = "tensor<";
  for (int64_t size : tensor.shape)
    text += std::to_string(size) + "x";
  return text + elementKindName(tensor.kind) + ">";
}

IrTest::IrTest() { context_.loadDialect<HeddleDialect, mlir::func::FuncDialect>(); }

mlir::OwningOpRef<mlir::ModuleOp> IrTest::parse(const std::string &text) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context_);
  EXPECT_TRUE(module) << text;
  return module;
}

std::vector<TensorRef> IrTest::run(mlir::ModuleOp module, std::vector<TensorRef> arguments) {
  auto function = *module.getOps<mlir::func::FuncOp>().begin();
  auto results = evaluate(function, arguments);
  EXPECT_TRUE(results.ok()) << results.status();
  return results.ok() ? *results : std::vector<TensorRef>();
}

std::string IrTest::functionText(const std::string &body, const std::string &results,
                                 const std::vector<TensorRef> &arguments) {
  std::string text = "func.func @f(";
  for (size_t i = 0; i < arguments.size(); ++i)
    text += (i ? ", %" : "%") + std::to_string(i) + ": " + typeText(*arguments[i]);
  return text + ") -> " + results + " {\n" + body + "\n}\n";
}

std::vector<TensorRef> IrTest::runBody(const std::string &body, const std::string &results,
                                       const std::vector<TensorRef> &arguments) {
  auto module = parse(functionText(body, results, arguments));
  return module ? run(*module, arguments) : std::vector<TensorRef>();
}

} // namespace heddle::ir
