// SPDX-License-Identifier: Apache-2.0
// A graph under test: the module, what it is run on, and what is made of it, once, for all oracles.

#ifndef HEDDLE_TESTS_RANDOM_GRAPH_H
#define HEDDLE_TESTS_RANDOM_GRAPH_H

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ir/interpreter/Tensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "runtime/base/Status.h"
#include "runtime/plan/Executable.h"
#include "runtime/plan/Tensor.h"

namespace heddle::random {

/// Everything that graphs need, loaded once.
std::unique_ptr<mlir::MLIRContext> makeContext();

std::string textOf(mlir::ModuleOp module);

/// A module that runs: the executable and where its results come from.
class CompiledModule {
public:
  /// Through the whole pipeline. `entries` as in tools/driver/Compile.h.
  static StatusOr<CompiledModule> compile(mlir::ModuleOp module, std::vector<std::string> entries,
                                          uint64_t seed);

  /// Runs an entry on fresh buffers, `times` times, each time on the same arguments. The outputs of
  /// the last time, and the new values of what it writes, by name.
  StatusOr<runtime::TensorMap> run(mlir::func::FuncOp function,
                                   const std::vector<ir::TensorRef> &arguments, int threads,
                                   int times = 1) const;

private:
  std::shared_ptr<const runtime::Executable> executable_;
};

class Graph {
public:
  Graph(mlir::OwningOpRef<mlir::ModuleOp> module, uint64_t seed);

  uint64_t seed() const { return seed_; }
  mlir::ModuleOp module() { return *module_; }
  mlir::func::FuncOp forward();

  /// Whether there is something to differentiate by.
  bool isDifferentiable();
  /// @loss, the sum of all float results times fixed numbers, and its gradient @grad by the
  /// parameters, not fused. An error where an op has no rule.
  StatusOr<mlir::ModuleOp> withGradient();
  /// The loss alone, under that name.
  mlir::OwningOpRef<mlir::ModuleOp> withLoss(llvm::StringRef name);
  /// @step, @accumulate and @step_accumulated, not fused.
  StatusOr<mlir::ModuleOp> withTraining();

  /// What of the graph is compiled, and goes through all passes: by the seed.
  enum class Use { Forward, Gradient, Training };
  Use use();

  /// The use compiled: the forward pass, the loss and its gradient, or the training entries.
  StatusOr<const CompiledModule *> compiled();
  /// The functions that `compiled` holds, as they were before any pass.
  StatusOr<std::vector<mlir::func::FuncOp>> compiledFunctions();

private:
  mlir::OwningOpRef<mlir::ModuleOp> module_, gradient_, training_;
  uint64_t seed_;
  std::unique_ptr<CompiledModule> compiled_;
};

} // namespace heddle::random

#endif // HEDDLE_TESTS_RANDOM_GRAPH_H
