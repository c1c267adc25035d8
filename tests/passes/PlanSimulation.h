// SPDX-License-Identifier: Apache-2.0
// Runs a planned function the way the runtime does, on memory.

#ifndef HEDDLE_TESTS_PASSES_PLANSIMULATION_H
#define HEDDLE_TESTS_PASSES_PLANSIMULATION_H

#include <vector>

#include "ir/interpreter/Tensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace heddle::passes {

/// Wraps each op that is no contiguous alias into a kernel of its own, a stand-in for
/// heddle-form-kernels that any function allows.
void wrapEachOp(mlir::func::FuncOp function);

/// Launches the kernels one after the other on one arena, the arguments' buffers and the results'
/// buffers, as ir/BufferAssignment says. Memory that was never written, or only as a part of
/// another tensor's element, reads as NaN or -1. A kernel reads all its operands before it writes.
/// Returns what lies in the results' memory at the end.
std::vector<ir::TensorRef> simulatePlan(mlir::func::FuncOp planned,
                                        const std::vector<ir::TensorRef> &arguments);

} // namespace heddle::passes

#endif // HEDDLE_TESTS_PASSES_PLANSIMULATION_H
