// SPDX-License-Identifier: Apache-2.0
// Types and checks of elementwise ops, masks, constants and dropout.

#include "ir/Dialect.h"
#include "ir/ShapeRules.h"

using namespace mlir;
using namespace heddle::ir;

namespace {

/// The type of an elementwise op over operands that broadcast as in numpy.
LogicalResult inferBroadcast(ShapeRules rules, ValueRange operands, Type element,
                             SmallVectorImpl<Type> &results) {
  SmallVector<int64_t> shape(dimsOf(operands.front()));
  for (Value operand : operands.drop_front()) {
    std::optional<SmallVector<int64_t>> joined = broadcastShape(shape, dimsOf(operand));
    if (!joined)
      return rules.fail("operands do not broadcast: ", formatShape(shape), " and ",
                        formatShape(dimsOf(operand)));
    shape = *joined;
  }
  results.push_back(RankedTensorType::get(shape, element));
  return success();
}

LogicalResult inferBinary(ShapeRules rules, Value lhs, Value rhs, Type resultElement,
                          SmallVectorImpl<Type> &results) {
  if (failed(rules.element("rhs", rhs, elementOf(lhs))))
    return failure();
  return inferBroadcast(rules, {lhs, rhs}, resultElement, results);
}

} // namespace

#define HEDDLE_INFER_BINARY(Op)                                                                    \
  LogicalResult Op::inferReturnTypes(MLIRContext *, std::optional<Location> location,              \
                                     Op::Adaptor op, SmallVectorImpl<Type> &results) {             \
    return inferBinary({location, getOperationName().substr(7)}, op.getLhs(), op.getRhs(),         \
                       elementOf(op.getLhs()), results);                                           \
  }
HEDDLE_INFER_BINARY(AddOp)
HEDDLE_INFER_BINARY(SubOp)
HEDDLE_INFER_BINARY(MulOp)
HEDDLE_INFER_BINARY(DivOp)
HEDDLE_INFER_BINARY(MaximumOp)
HEDDLE_INFER_BINARY(MinimumOp)
HEDDLE_INFER_BINARY(LogicalAndOp)
#undef HEDDLE_INFER_BINARY

LogicalResult CompareOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                          CompareOp::Adaptor op, SmallVectorImpl<Type> &results) {
  return inferBinary({location, "compare"}, op.getLhs(), op.getRhs(), IntegerType::get(context, 1),
                     results);
}

LogicalResult SelectOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                         SelectOp::Adaptor op, SmallVectorImpl<Type> &results) {
  ShapeRules rules(location, "select");
  Type element = elementOf(op.getIfTrue());
  if (failed(rules.element("if_false", op.getIfFalse(), element)))
    return failure();
  return inferBroadcast(rules, op.getOperands(), element, results);
}

LogicalResult ConstantOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                           ConstantOp::Adaptor op, SmallVectorImpl<Type> &results) {
  auto type = dyn_cast<RankedTensorType>(Type(op.getValue().getShapedType()));
  if (!type)
    return ShapeRules(location, "constant")
        .fail("value has type ", Type(op.getValue().getShapedType()), ", expected a ranked tensor");
  results.push_back(type);
  return success();
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

LogicalResult CausalMaskOp::verify() {
  ShapeRules rules(getLoc(), "causal_mask");
  if (failed(rules.rank("y", getY(), 2, "[T, S]")))
    return failure();
  return rules.window(getWindowAttr());
}

LogicalResult LengthMaskOp::verify() {
  ShapeRules rules(getLoc(), "length_mask");
  if (failed(rules.rank("lengths", getLengths(), 1, "[B]")) ||
      failed(rules.rank("y", getY(), 2, "[B, S]")))
    return failure();
  return rules.shape("lengths", getLengths(), dimsOf(getY()).take_front());
}

LogicalResult DropoutOp::verify() {
  ShapeRules rules(getLoc(), "dropout");
  if (failed(rules.type("y", getY(), tensorOf(getX()))) || failed(rules.rngState(getRng())) ||
      failed(rules.probability("p", getP().convertToDouble())))
    return failure();
  return rules.rngId(getRngId());
}
