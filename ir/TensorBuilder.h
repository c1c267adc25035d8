// SPDX-License-Identifier: Apache-2.0
// Short names for the ops that decompositions are made of, at one location.

#ifndef HEDDLE_IR_TENSORBUILDER_H
#define HEDDLE_IR_TENSORBUILDER_H

#include "ir/Dialect.h"
#include "ir/ShapeRules.h"

namespace heddle::ir {

/// Builds at the insertion point of `builder`, which must outlive it.
class TensorBuilder {
public:
  TensorBuilder(mlir::OpBuilder &builder, mlir::Location location)
      : builder_(builder), location_(location) {}

  /// Any op whose result types are inferred; returns its first result.
  template <typename Op, typename... Args> mlir::Value make(Args &&...args) {
    return Op::create(builder_, location_, std::forward<Args>(args)...)->getResult(0);
  }

  mlir::Value add(mlir::Value a, mlir::Value b) { return make<AddOp>(a, b); }
  mlir::Value sub(mlir::Value a, mlir::Value b) { return make<SubOp>(a, b); }
  mlir::Value mul(mlir::Value a, mlir::Value b) { return make<MulOp>(a, b); }
  mlir::Value div(mlir::Value a, mlir::Value b) { return make<DivOp>(a, b); }

  /// A scalar tensor of a floating-point or integer type.
  mlir::Value scalar(mlir::Type element, double value);
  mlir::Value scale(mlir::Value x, double factor) { return mul(x, scalar(elementOf(x), factor)); }

  mlir::Value reshape(mlir::Value x, llvm::ArrayRef<int64_t> shape);
  /// x unchanged where it has the element type already.
  mlir::Value cast(mlir::Value x, mlir::Type element);
  mlir::Value matmul(mlir::Value a, mlir::Value b, bool transposeA, bool transposeB);

  mlir::Value sumLast(mlir::Value x);
  mlir::Value maxLast(mlir::Value x);
  mlir::Value meanLast(mlir::Value x);
  /// [...] as [..., 1], to broadcast over the last axis.
  mlir::Value column(mlir::Value rows);

  mlir::OpBuilder &builder() { return builder_; }
  mlir::Location location() const { return location_; }

private:
  mlir::OpBuilder &builder_;
  mlir::Location location_;
};

} // namespace heddle::ir

#endif // HEDDLE_IR_TENSORBUILDER_H
