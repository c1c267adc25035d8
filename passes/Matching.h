// SPDX-License-Identifier: Apache-2.0
// Small questions that all matchers ask of values.

#ifndef HEDDLE_PASSES_MATCHING_H
#define HEDDLE_PASSES_MATCHING_H

#include <optional>
#include <string>

#include "ir/Dialect.h"
#include "ir/ShapeRules.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace heddle::passes {

/// Why a pattern that was nearly there does not match, in the words of the user, and what to
/// change.
struct NearMiss {
  std::string reason;
  std::string advice;
};

/// A pattern's parts, or a near miss, or neither: then it was something else altogether.
template <typename Parts> struct Match {
  std::optional<Parts> parts;
  std::optional<NearMiss> nearMiss;

  static Match none() { return {}; }
  static Match miss(std::string reason, std::string advice) {
    return {std::nullopt, NearMiss{std::move(reason), std::move(advice)}};
  }
};

/// The number that all elements of a floating-point or integer constant have, also through views.
std::optional<double> splatValue(mlir::Value value);

/// Whether `value` is the result of a `reshape` that only splits or joins axes 1 and 2 of
/// attention's layouts: [B, H, ...] and [B, G, R, ...].
bool isHeadRegrouping(mlir::Value value);

/// The ops that use `value`, without duplicates, in program order of their block.
llvm::SmallVector<mlir::Operation *> usersInOrder(mlir::Value value);

/// "heddle.add" for the op that defines a value, "an argument" for arguments.
std::string describeSource(mlir::Value value);

/// y = x w + bias with a w of rank 2, [in, out] or [out, in] when `transposed`.
struct LinearParts {
  mlir::Value x, w;
  mlir::Value bias; // [out] or null
  bool transposed = false;
};

/// `y` as a linear map: a matmul, or the add of a vector [out] to a matmul that nothing else uses.
std::optional<LinearParts> matchLinear(mlir::Value y);

/// The value that a bias [out] is added to `product` with, when that is its only use; else
/// `product`. `bias` becomes the vector, or null.
mlir::Value withBias(mlir::Value product, mlir::Value &bias);

/// Erases `op`, which nothing uses, then the ops that only it used.
void eraseDeadChain(mlir::Operation *op);

/// `value` without the axes that `swap`ping the last two would undo: the value whose last two axes,
/// exchanged, give `value`. Reuses the operand of a transpose; else builds one at `builder`.
mlir::Value transposeLastTwo(mlir::OpBuilder &builder, mlir::Value value);

/// `value` under another shape; itself where it has that shape; the operand of a reshape where that
/// has it.
mlir::Value reshapeTo(mlir::OpBuilder &builder, mlir::Value value, llvm::ArrayRef<int64_t> shape);

} // namespace heddle::passes

#endif // HEDDLE_PASSES_MATCHING_H
