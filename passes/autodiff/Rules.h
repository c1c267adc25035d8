// SPDX-License-Identifier: Apache-2.0
// What the gradient rules share. A rule is a function
//   SmallVector<Value> rule(Op op, OpBuilder &b, ValueRange dys)
// that takes the gradients of the op's results (null where none flows; at least one does) and
// returns one per operand, null where none flows. Rules need not ask which operands matter: all ops
// are pure, and the sweep erases what nobody uses.

#ifndef HEDDLE_PASSES_AUTODIFF_RULES_H
#define HEDDLE_PASSES_AUTODIFF_RULES_H

#include "ir/Dialect.h"

namespace heddle::passes::autodiff {

using mlir::Location;
using mlir::MLIRContext;
using mlir::OpBuilder;
using mlir::RankedTensorType;
using mlir::SmallVector;
using mlir::Value;
using mlir::ValueRange;

using Gradients = SmallVector<Value>;

/// The external model whose `differentiate` is the function `Rule`.
template <typename Op, Gradients (*Rule)(Op, OpBuilder &, ValueRange)>
struct RuleModel : ir::DifferentiableOpInterface::ExternalModel<RuleModel<Op, Rule>, Op> {
  Gradients differentiate(mlir::Operation *op, OpBuilder &builder, ValueRange gradients) const {
    return Rule(mlir::cast<Op>(op), builder, gradients);
  }
};

template <typename Op, Gradients (*Rule)(Op, OpBuilder &, ValueRange)>
void attach(MLIRContext *context) {
  Op::template attachInterface<RuleModel<Op, Rule>>(*context);
}

// One per family of ops, each in a file of that name.
void attachElementwiseRules(MLIRContext *context);
void attachActivationRules(MLIRContext *context);
void attachShapeRules(MLIRContext *context);
void attachReductionRules(MLIRContext *context);
void attachNormRules(MLIRContext *context);
void attachMatmulRules(MLIRContext *context);
void attachEmbeddingRules(MLIRContext *context);
void attachAttentionRules(MLIRContext *context);
void attachFfnRules(MLIRContext *context);
void attachLossRules(MLIRContext *context);

inline RankedTensorType typeOf(Value value) {
  return mlir::cast<RankedTensorType>(value.getType());
}
inline llvm::ArrayRef<int64_t> shapeOf(Value value) { return typeOf(value).getShape(); }

/// A scalar tensor of `like`'s element type, which broadcasts against every shape.
Value scalar(OpBuilder &builder, Location loc, Value like, double value);

/// `value` under another shape with as many elements; `value` itself when it has that shape.
Value reshape(OpBuilder &builder, Location loc, Value value, llvm::ArrayRef<int64_t> shape);

/// `value` with all axes but the last flattened into one: [rows, C].
Value flattenRows(OpBuilder &builder, Location loc, Value value);

/// `value`, from which the axes `reduced` of `shape` were reduced away, repeated along them again.
Value broadcastBack(OpBuilder &builder, Location loc, Value value, llvm::ArrayRef<int64_t> reduced,
                    llvm::ArrayRef<int64_t> shape);

/// The inverse of numpy broadcasting: sums `dy` over the axes along which an operand of shape
/// `shape` was repeated.
Value sumToShape(OpBuilder &builder, Location loc, Value dy, llvm::ArrayRef<int64_t> shape);

} // namespace heddle::passes::autodiff

#endif // HEDDLE_PASSES_AUTODIFF_RULES_H
