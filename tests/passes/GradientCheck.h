// SPDX-License-Identifier: Apache-2.0
// Holds gradient rules to central differences in float64.

#ifndef HEDDLE_TESTS_PASSES_GRADIENTCHECK_H
#define HEDDLE_TESTS_PASSES_GRADIENTCHECK_H

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "ir/Dialect.h"
#include "ir/interpreter/Tensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace heddle::passes {

/// A function of f64 tensors in the making, with a random value for each argument.
class Graph {
public:
  explicit Graph(unsigned seed = 1);

  mlir::OpBuilder &builder() { return builder_; }
  mlir::Location loc() { return builder_.getUnknownLoc(); }

  /// An argument to differentiate by, uniform in [low, high).
  mlir::Value param(std::vector<int64_t> shape, double low = -1.0, double high = 1.0);
  /// Arguments that are given: floats, i32 numbers in [low, below), booleans, a random state.
  mlir::Value floats(std::vector<int64_t> shape);
  mlir::Value ids(std::vector<int64_t> shape, int64_t below, int64_t low = 0);
  mlir::Value idsOf(std::vector<int64_t> shape, std::vector<int64_t> values);
  mlir::Value mask(std::vector<int64_t> shape);
  mlir::Value rng();

  /// Adds sum(value * random weights) to the loss, so that a check tests a vector-Jacobian product.
  void output(mlir::Value value);
  /// A scalar that is the loss, or a part of it, as it is.
  void loss(mlir::Value value);

  /// Ends the function: it returns the loss.
  mlir::func::FuncOp finish();

  mlir::ModuleOp module() { return *module_; }
  std::vector<ir::TensorRef> &values() { return values_; }
  const std::vector<unsigned> &params() const { return params_; }

private:
  mlir::Value argument(ir::Tensor value);

  mlir::MLIRContext context_;
  mlir::OwningOpRef<mlir::ModuleOp> module_;
  mlir::OpBuilder builder_;
  mlir::func::FuncOp function_;
  mlir::Value loss_;
  std::mt19937_64 random_;
  std::vector<ir::TensorRef> values_;
  std::vector<unsigned> params_;
};

using BuildGraph = std::function<void(Graph &)>;

/// Differentiates the graph's loss by its parameters and expects, for each parameter and all
/// together, the derivative along random directions to agree with central differences (rtol 1e-6);
/// and where the graph has composite ops, the gradients of their decompositions to be the same
/// (rtol 1e-9).
void expectGradients(const BuildGraph &build);

/// A named graph of a table of tests.
struct GradientCase {
  std::string name;
  BuildGraph build;
};

/// The first result of a new op.
template <typename Op, typename... Args> mlir::Value make(Graph &g, Args &&...args) {
  return Op::create(g.builder(), g.loc(), std::forward<Args>(args)...)->getResult(0);
}

} // namespace heddle::passes

#endif // HEDDLE_TESTS_PASSES_GRADIENTCHECK_H
