// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_CODEGEN_CPU_ROWOPS_H
#define HEDDLE_CODEGEN_CPU_ROWOPS_H

#include "codegen/cpu/RowPasses.h"

namespace heddle::codegen {

/// What a row op leaves behind for one row, after its passes.
struct RowOutcome {
  /// The lanes of the result of full shape; null where the op has none.
  std::function<mlir::Value(LanePoint &)> lanes;
  /// The results with one element per row.
  llvm::SmallVector<std::pair<mlir::Value, mlir::Value>> statistics;
};

/// How an op over the last axis reads its operands.
struct RowOperands {
  llvm::SmallVector<mlir::Value> rows;       // of full shape, computed or inputs
  llvm::SmallVector<mlir::Value> columns;    // [C] inputs
  llvm::SmallVector<mlir::Value> statistics; // one element per row, or one in all
  bool keepsRow = false;                     // needs RowPasses::keep
};

RowOperands rowOperandsOf(mlir::Operation *op);

/// The result of full shape, or null.
mlir::Value fullResultOf(mlir::Operation *op);

/// Emits the passes of `op` (ir::isRowOp) over the current row.
RowOutcome emitRowOp(RowPasses &passes, mlir::Operation *op);

// By family.
RowOutcome emitNorm(RowPasses &passes, mlir::Operation *op);
RowOutcome emitSoftmaxOrLoss(RowPasses &passes, mlir::Operation *op);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_ROWOPS_H
