// SPDX-License-Identifier: Apache-2.0
// Ops over the last axis as text: the passes of a block over one row.

#ifndef HEDDLE_CODEGEN_CUDA_KERNELS_ROWOPTEXT_H
#define HEDDLE_CODEGEN_CUDA_KERNELS_ROWOPTEXT_H

#include "codegen/cuda/kernels/ElementText.h"

namespace heddle::codegen::cuda {

/// How an op over the last axis reads its operands.
struct RowReads {
  llvm::SmallVector<mlir::Value> full;       // one element per column: of full shape, or [C]
  llvm::SmallVector<mlir::Value> statistics; // one element per row, or one in all
};
RowReads rowReadsOf(mlir::Operation *op);

/// What a row op leaves behind for one row, after its passes.
struct RowResult {
  /// The name of the result of full shape at a point; null where the op has none.
  std::function<std::string(ElementPoint &)> full;
  mlir::Value fullValue;
  /// The results with one element per row, as names that every thread knows.
  llvm::SmallVector<std::pair<mlir::Value, std::string>> statistics;
};

/// A row in the function that is being written. Thread `t` has the columns t, t + threads, ...
class RowText {
public:
  RowText(TextWriter &out, ElementText &element, BodyReads &reads, std::vector<std::string> rowAxes,
          int threads);

  TextWriter &out() { return out_; }
  int64_t columns() const { return reads_.space().inner(); }
  /// A loop over this thread's columns.
  void forColumns(const std::function<void(ElementPoint &)> &body);
  ElementPoint pointAt(const std::string &column) const;
  std::string value(ElementPoint &point, mlir::Value value) { return element_.value(point, value); }
  /// Names that hold, in every thread, the sums over the row of the terms that `terms` names.
  llvm::SmallVector<std::string>
  sums(size_t count, const std::function<llvm::SmallVector<std::string>(ElementPoint &)> &terms);
  std::string sum(const std::function<std::string(ElementPoint &)> &term);
  /// The largest; NaN counts if `propagateNan`.
  std::string largest(mlir::Value x, bool propagateNan);
  /// The row's scalar of a registered statistic.
  std::string statistic(mlir::Value value);
  /// `const TYPE NAME = EXPRESSION;`, and the name.
  std::string define(const char *type, const std::string &expression);

private:
  TextWriter &out_;
  ElementText &element_;
  BodyReads &reads_;
  std::vector<std::string> rowAxes_;
  int threads_;
};

/// Writes the passes of `op` (ir::isRowOp) over the row.
RowResult writeRowOp(RowText &row, mlir::Operation *op);

} // namespace heddle::codegen::cuda

#endif // HEDDLE_CODEGEN_CUDA_KERNELS_ROWOPTEXT_H
