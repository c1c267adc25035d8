// SPDX-License-Identifier: Apache-2.0
// Passes over one row: reductions in a fixed order, and rows kept in scratch between passes.

#ifndef HEDDLE_CODEGEN_CPU_ROWPASSES_H
#define HEDDLE_CODEGEN_CPU_ROWPASSES_H

#include "codegen/cpu/LaneKernel.h"
#include "codegen/cpu/MathEmitter.h"

namespace heddle::codegen {

enum class Reduction {
  Sum,
  Max,          // NaN if any element is
  MaxOfNumbers, // passes NaN over: for softmax, where NaN comes out later anyway
};

/// What a vector adds to a reduction: x, or x * factor.
struct Term {
  mlir::Value x, factor;
};

/// Lives for the row that is being emitted. All scalars and vectors are f32.
class RowPasses {
public:
  /// `staged` are the values that are computed once and then kept in `scratch`.
  RowPasses(LaneKernel &kernel, mlir::ValueRange staged, mlir::Value scratch);

  /// Elements of scratch that `rows` rows of `columns` elements take.
  static int64_t scratchFor(int64_t rows, int64_t columns);

  LaneKernel &kernel() { return kernel_; }
  MathEmitter &math() { return math_; }
  mlir::ImplicitLocOpBuilder &builder() { return kernel_.builder(); }
  int64_t columns() const { return kernel_.space().inner(); }

  /// One pass: reduces the terms of all vectors of the row to one scalar each. Four vectors are in
  /// flight at a time when the terms are cheap (`unroll`).
  llvm::SmallVector<mlir::Value>
  reduce(llvm::ArrayRef<Reduction> kinds, int unroll,
         const std::function<llvm::SmallVector<Term>(LanePoint &)> &terms);
  mlir::Value sum(const std::function<Term(LanePoint &)> &term, int unroll = 4);

  /// The lanes of a value; a staged one is computed in the first pass only.
  mlir::Value lanes(LanePoint &point, mlir::Value value);
  /// One element of the row (after the first pass).
  mlir::Value element(mlir::Value value, mlir::Value column);
  /// The row of scratch behind the staged values, for the caller's own use.
  void keep(LanePoint &point, mlir::Value lanes);
  mlir::Value kept(LanePoint &point);

  mlir::Value spread(mlir::Value scalar);
  mlir::Value scalar(double value);

private:
  mlir::Value region(size_t number);
  mlir::Value combine(Reduction kind, mlir::Value sum, const Term &term, mlir::Value mask);
  mlir::Value across(Reduction kind, mlir::Value vector);

  LaneKernel &kernel_;
  MathEmitter math_;
  llvm::SmallVector<mlir::Value> staged_;
  mlir::Value scratch_;
  int passes_ = 0; // finished
};

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_ROWPASSES_H
