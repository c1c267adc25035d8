// SPDX-License-Identifier: Apache-2.0
// IR text in, tensors out: what the tests of the interpreter and of the decompositions share.

#ifndef HEDDLE_TESTS_IR_IRHARNESS_H
#define HEDDLE_TESTS_IR_IRHARNESS_H

#include <random>
#include <string>
#include <vector>

#include "ir/Dialect.h"
#include "ir/interpreter/Interpreter.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "gtest/gtest.h"

namespace heddle::ir {

/// Tensors of f64, so that the constants of a decomposition are not rounded either.
TensorRef floats(std::vector<int64_t> shape, std::vector<double> values,
                 ElementKind kind = ElementKind::f64);
TensorRef ints(std::vector<int64_t> shape, std::vector<int64_t> values,
               ElementKind kind = ElementKind::i32);
/// Normal numbers from a fixed seed.
TensorRef randomFloats(std::vector<int64_t> shape, unsigned seed, double scale = 1.0);
TensorRef rngState(int64_t seed, int64_t step, int64_t microBatch);

/// A tensor of f64 with only a shape, for its type.
Tensor shaped(std::vector<int64_t> shape);

/// Every element of the two agrees within atol + rtol |b|; infinities must be equal.
void expectNear(const Tensor &a, const Tensor &b, double rtol = 1e-12, double atol = 1e-12);

class IrTest : public ::testing::Test {
protected:
  IrTest();

  /// A module that parses and verifies; the test fails where it does not.
  mlir::OwningOpRef<mlir::ModuleOp> parse(const std::string &text);

  /// Results of the first function of `module`.
  std::vector<TensorRef> run(mlir::ModuleOp module, std::vector<TensorRef> arguments);

  /// `body` is the function's body, over %0, %1 ... of the arguments' types and ending in a return
  /// of `results` (a type, or several in parentheses).
  std::vector<TensorRef> runBody(const std::string &body, const std::string &results,
                                 const std::vector<TensorRef> &arguments);
  std::string functionText(const std::string &body, const std::string &results,
                           const std::vector<TensorRef> &arguments);

  mlir::MLIRContext context_;
};

/// "tensor<2x3xf32>".
std::string typeText(const Tensor &tensor);

} // namespace heddle::ir

#endif // HEDDLE_TESTS_IR_IRHARNESS_H
