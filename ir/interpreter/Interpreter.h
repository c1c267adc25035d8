// SPDX-License-Identifier: Apache-2.0
// The reference that everything else is judged by: evaluates every op of the dialect naively in
// float64, whatever float kind the IR says.
//
//   std::vector<TensorRef> arguments = ...;
//   HEDDLE_ASSIGN_OR_RETURN(std::vector<TensorRef> results, evaluate(function, arguments));
//
// Evaluation is single-threaded and touches no state but its own, so functions of one module may be
// evaluated on several threads at once.

#ifndef HEDDLE_IR_INTERPRETER_INTERPRETER_H
#define HEDDLE_IR_INTERPRETER_INTERPRETER_H

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "ir/interpreter/Tensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/ArrayRef.h"

namespace heddle::ir {

/// Sees every op right after it ran, with its results: the ops inside a kernel first, then the
/// kernel. A status that is not OK ends the evaluation with that status.
using Observer = std::function<absl::Status(mlir::Operation *, llvm::ArrayRef<TensorRef>)>;

/// The kind of an element type of the dialect; an error for any other type.
absl::StatusOr<ElementKind> elementKindOf(mlir::Type element);

/// The results of `function` (one block) for `arguments`, one per argument of the function with its
/// kind and shape. Errors are invalid-argument (an argument that does not fit, a token id or target
/// out of range) or unimplemented (an op without an evaluator) and name the op and its layer.
absl::StatusOr<std::vector<TensorRef>> evaluate(mlir::func::FuncOp function,
                                                llvm::ArrayRef<TensorRef> arguments,
                                                const Observer &observer = {});

} // namespace heddle::ir

#endif // HEDDLE_IR_INTERPRETER_INTERPRETER_H
