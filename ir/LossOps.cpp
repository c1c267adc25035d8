// SPDX-License-Identifier: Apache-2.0
// Types and checks of the losses.

#include "ir/Dialect.h"
#include "ir/ShapeRules.h"

using namespace mlir;
using namespace heddle::ir;

namespace {

/// The type of the values per row, [N].
RankedTensorType rowsOf(Value x) {
  return RankedTensorType::get(dimsOf(x).take_front(), statisticsType(elementOf(x)));
}

template <typename Adaptor> LogicalResult checkCrossEntropy(ShapeRules rules, Adaptor op) {
  if (failed(rules.rank("logits", op.getLogits(), 2, "[N, V]")) ||
      failed(rules.shape("targets", op.getTargets(), dimsOf(op.getLogits()).take_front())))
    return failure();
  return rules.probability("label_smoothing", op.getLabelSmoothing().convertToDouble());
}

template <typename Adaptor> LogicalResult checkLinearCrossEntropy(ShapeRules rules, Adaptor op) {
  if (failed(rules.rank("x", op.getX(), 2, "[N, C]")) ||
      failed(rules.rank("w", op.getW(), 2, op.getTransposeW() ? "[V, C]" : "[C, V]")))
    return failure();
  int64_t width = dimsOf(op.getX())[1];
  int64_t vocabulary = dimsOf(op.getW())[op.getTransposeW() ? 0 : 1];
  SmallVector<int64_t> weight{width, vocabulary};
  if (op.getTransposeW())
    std::swap(weight[0], weight[1]);
  Type element = elementOf(op.getX());
  if (failed(rules.type("w", op.getW(), RankedTensorType::get(weight, element))) ||
      failed(rules.type("bias", op.getBias(), RankedTensorType::get({vocabulary}, element))) ||
      failed(rules.shape("targets", op.getTargets(), dimsOf(op.getX()).take_front())))
    return failure();
  return rules.probability("label_smoothing", op.getLabelSmoothing().convertToDouble());
}

} // namespace

LogicalResult CrossEntropyOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                               CrossEntropyOp::Adaptor op,
                                               SmallVectorImpl<Type> &results) {
  if (failed(checkCrossEntropy({location, "cross_entropy"}, op)))
    return failure();
  RankedTensorType rows = rowsOf(op.getLogits());
  results.append({rows, rows});
  return success();
}

LogicalResult CrossEntropyGradOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                   CrossEntropyGradOp::Adaptor op,
                                                   SmallVectorImpl<Type> &results) {
  ShapeRules rules(location, "cross_entropy_grad");
  if (failed(checkCrossEntropy(rules, op)))
    return failure();
  RankedTensorType rows = rowsOf(op.getLogits());
  if (failed(rules.type("lse", op.getLse(), rows)) ||
      failed(rules.element("dlosses", op.getDlosses(), rows.getElementType())))
    return failure();
  if (tensorOf(op.getDlosses()).getRank() != 0 &&
      failed(rules.shape("dlosses", op.getDlosses(), rows.getShape())))
    return failure();
  results.push_back(op.getLogits().getType());
  return success();
}

LogicalResult CountTargetsOp::verify() {
  return ShapeRules(getLoc(), "count_targets").shape("count", getCount(), {});
}

LogicalResult LinearCrossEntropyOp::inferReturnTypes(MLIRContext *,
                                                     std::optional<Location> location,
                                                     LinearCrossEntropyOp::Adaptor op,
                                                     SmallVectorImpl<Type> &results) {
  if (failed(checkLinearCrossEntropy({location, "linear_cross_entropy"}, op)))
    return failure();
  RankedTensorType rows = rowsOf(op.getX());
  results.append({RankedTensorType::get({}, rows.getElementType()), rows});
  return success();
}

LogicalResult LinearCrossEntropyTrainOp::inferReturnTypes(MLIRContext *,
                                                          std::optional<Location> location,
                                                          LinearCrossEntropyTrainOp::Adaptor op,
                                                          SmallVectorImpl<Type> &results) {
  ShapeRules rules(location, "linear_cross_entropy_train");
  if (failed(checkLinearCrossEntropy(rules, op)))
    return failure();
  auto loss = RankedTensorType::get({}, statisticsType(elementOf(op.getX())));
  if (failed(rules.type("dloss", op.getDloss(), loss)))
    return failure();
  results.append({loss, op.getX().getType(), op.getW().getType()});
  if (op.getBias())
    results.push_back(op.getBias().getType());
  return success();
}
