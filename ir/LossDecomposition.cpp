// SPDX-License-Identifier: Apache-2.0
// linear_cross_entropy and its training form over all logits at once.

#include "ir/TensorBuilder.h"

using namespace mlir;
using namespace heddle::ir;

namespace {

/// What both ops compute first.
struct Forward {
  Value logits; // [N, V]
  Value lse;    // [N]
  Value count;  // []
  Value loss;   // []
};

template <typename Op> Forward buildForward(TensorBuilder &b, Op op) {
  Forward forward;
  forward.logits = b.matmul(op.getX(), op.getW(), false, op.getTransposeW());
  if (op.getBias())
    forward.logits = b.add(forward.logits, op.getBias());
  auto entropy = CrossEntropyOp::create(b.builder(), b.location(), forward.logits, op.getTargets(),
                                        op.getIgnoreIndexAttr(), op.getLabelSmoothingAttr());
  forward.lse = entropy.getLse();
  Type scalar = RankedTensorType::get({}, elementOf(forward.lse));
  forward.count = b.make<CountTargetsOp>(scalar, op.getTargets(), op.getIgnoreIndexAttr());
  forward.loss = b.div(b.sumLast(entropy.getLosses()), forward.count);
  return forward;
}

} // namespace

SmallVector<Value> LinearCrossEntropyOp::decompose(OpBuilder &builder) {
  TensorBuilder b(builder, getLoc());
  Forward forward = buildForward(b, *this);
  return {forward.loss, forward.lse};
}

SmallVector<Value> LinearCrossEntropyTrainOp::decompose(OpBuilder &builder) {
  TensorBuilder b(builder, getLoc());
  Forward forward = buildForward(b, *this);
  Value dlosses = b.div(getDloss(), forward.count);
  Value dlogits = b.make<CrossEntropyGradOp>(forward.logits, getTargets(), forward.lse, dlosses,
                                             getIgnoreIndexAttr(), getLabelSmoothingAttr());
  Value dx = b.matmul(dlogits, getW(), false, !getTransposeW());
  Value dw = getTransposeW() ? b.matmul(dlogits, getX(), true, false)
                             : b.matmul(getX(), dlogits, true, false);
  SmallVector<Value> results{forward.loss, dx, dw};
  if (getBias())
    results.push_back(b.make<SumOp>(dlogits, ArrayRef<int64_t>{0}));
  return results;
}
