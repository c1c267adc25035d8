// SPDX-License-Identifier: Apache-2.0
// Functions of random ops, to try passes and kernels on what nobody thought of.

#ifndef HEDDLE_TESTS_PASSES_RANDOMGRAPH_H
#define HEDDLE_TESTS_PASSES_RANDOMGRAPH_H

#include <vector>

#include "ir/interpreter/Tensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace heddle::passes {

/// A module with one function of `ops` ops (elementwise, views, matmuls, norms, reductions,
/// softmax) over small tensors of f64 or f32. Chains form, values have several readers, views are
/// read through views. The same for the same seed.
mlir::OwningOpRef<mlir::ModuleOp> randomGraph(mlir::MLIRContext &context, unsigned seed, int ops,
                                              unsigned floatBits);

mlir::func::FuncOp onlyFunction(mlir::ModuleOp module);

/// Uniform in [-1, 1), rounded to f32, the same in every run.
std::vector<ir::TensorRef> randomArguments(mlir::ModuleOp module);

} // namespace heddle::passes

#endif // HEDDLE_TESTS_PASSES_RANDOMGRAPH_H
