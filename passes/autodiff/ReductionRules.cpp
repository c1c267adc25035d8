// SPDX-License-Identifier: Apache-2.0
// Sums, maxima and softmax.
#include "passes/autodiff/Rules.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes::autodiff {
namespace {

// y = sum of x over the axes
Gradients sum(SumOp op, OpBuilder &b, ValueRange dys) {
  return {broadcastBack(b, op.getLoc(), dys[0], op.getAxes(), shapeOf(op.getX()))};
}

// y = max of x over the axes; equal largest elements share the gradient, as in PyTorch's amax
Gradients max(MaxOp op, OpBuilder &b, ValueRange dys) {
  Location loc = op.getLoc();
  RankedTensorType type = typeOf(op.getX());
  Value largest = broadcastBack(b, loc, op.getY(), op.getAxes(), type.getShape());
  Value isLargest = CompareOp::create(b, loc, ComparePredicate::eq, op.getX(), largest);
  Value mask = CastOp::create(b, loc, type, isLargest);
  Value count = SumOp::create(b, loc, mask, op.getAxesAttr());
  Value share = DivOp::create(b, loc, dys[0], count);
  return {MulOp::create(b, loc, mask, broadcastBack(b, loc, share, op.getAxes(), type.getShape()))};
}

// y = e^(x - max) / sum e^(x - max)
Gradients softmax(SoftmaxOp op, OpBuilder &b, ValueRange dys) {
  return {SoftmaxGradOp::create(b, op.getLoc(), op.getY(), dys[0])};
}

} // namespace

void attachReductionRules(MLIRContext *context) {
  attach<SumOp, sum>(context);
  attach<MaxOp, max>(context);
  attach<SoftmaxOp, softmax>(context);
}

} // namespace heddle::passes::autodiff
