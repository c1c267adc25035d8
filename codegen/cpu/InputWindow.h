// SPDX-License-Identifier: Apache-2.0
// Inputs of kernels with loops of their own, read by index.

#ifndef HEDDLE_CODEGEN_CPU_INPUTWINDOW_H
#define HEDDLE_CODEGEN_CPU_INPUTWINDOW_H

#include <string>

#include "codegen/cpu/KernelShell.h"
#include "codegen/cpu/Target.h"
#include "ir/StridedView.h"

namespace heddle::codegen {

/// A block argument or constant through a strided view.
class InputWindow {
public:
  /// Fails with a reason where `operand` is no such thing.
  static mlir::FailureOr<InputWindow> of(mlir::Value operand, std::string *reason);

  /// Call inside the entry, before anything is read.
  void bind(mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<mlir::Value> operands);

  mlir::Value buffer() const { return buffer_; }
  const ir::StridedView &view() const { return view_; }
  int64_t stride(size_t axis) const { return view_.strides[axis]; }
  /// The element at these indices, one per axis of the view (or of its first axes).
  mlir::Value offset(mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<mlir::Value> indices) const;
  /// The element of this linear index over the view's first `axes` axes (row-major; the others 0).
  mlir::Value linearOffset(mlir::ImplicitLocOpBuilder &b, mlir::Value linear, size_t axes) const;
  /// An integer element as an index.
  mlir::Value loadIndex(mlir::ImplicitLocOpBuilder &b, mlir::Value offset) const;

private:
  mlir::Value root_;
  mlir::Value buffer_;
  ir::StridedView view_;
};

/// to[toOffset + i] = from[fromOffset + i * fromStride] for i in [0, count).
void emitCopy(mlir::ImplicitLocOpBuilder &b, int64_t lanes, mlir::Value from,
              mlir::Value fromOffset, int64_t fromStride, mlir::Value to, mlir::Value toOffset,
              int64_t count);
/// As above for the vectors of [low, high) of a row of `count`.
void emitCopy(mlir::ImplicitLocOpBuilder &b, int64_t lanes, mlir::Value from,
              mlir::Value fromOffset, int64_t fromStride, mlir::Value to, mlir::Value toOffset,
              int64_t count, mlir::Value low, mlir::Value high);

/// Whole vectors of [low, high) in a loop, then the rest of a row of `count` under a mask: low is a
/// multiple of the lanes, and so is high unless it is count.
void forVectors(mlir::ImplicitLocOpBuilder &b, int64_t lanes, int64_t count, mlir::Value low,
                mlir::Value high,
                const std::function<void(mlir::Value column, mlir::Value mask)> &body);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_INPUTWINDOW_H
