// SPDX-License-Identifier: Apache-2.0
// Where an op may be compared between f32 and float64, and with central differences.

#ifndef HEDDLE_TESTS_RANDOM_SMOOTHNESS_H
#define HEDDLE_TESTS_RANDOM_SMOOTHNESS_H

#include "ir/interpreter/Tensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/ArrayRef.h"

namespace heddle::random {

/// Whether the op's operands stay away from where it jumps or bends: a relu from 0, a comparison of
/// floats from equality, a maximum from a tie, a division from 0, a conversion to an integer from
/// the next integer. What is equal by construction (a value with itself) counts as near.
bool isSmoothAt(mlir::Operation *op, llvm::ArrayRef<ir::TensorRef> operands);

/// Whether every element is finite and of moderate magnitude; with `allowHidden`, or a score that a
/// mask hides.
bool isModerate(const ir::Tensor &tensor, bool allowHidden);

/// Whether all of this holds for every op of a function on these arguments (hidden scores allowed):
/// a failure of such a function is nobody's bad luck.
bool isFairTest(mlir::func::FuncOp function, const std::vector<ir::TensorRef> &arguments);

} // namespace heddle::random

#endif // HEDDLE_TESTS_RANDOM_SMOOTHNESS_H
