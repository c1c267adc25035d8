// SPDX-License-Identifier: Apache-2.0
// Losses. The gradient of linear_cross_entropy computes the loss along with its gradients, so that
// heddle-merge-loss-gradient can drop the forward op: the logits are then made once.
#include "passes/autodiff/Rules.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes::autodiff {
namespace {

// A scalar repeated over all rows stays a scalar.
Value peelScalar(Value dlosses) {
  if (auto broadcast = dlosses.getDefiningOp<BroadcastOp>()) {
    Value source = broadcast.getX();
    if (auto reshape = source.getDefiningOp<ReshapeOp>())
      source = reshape.getX();
    if (typeOf(source).getRank() == 0)
      return source;
  }
  return dlosses;
}

// lse[n] = log sum e^logits[n], losses[n] = lse[n] - logits[n, targets[n]]
Gradients crossEntropy(CrossEntropyOp op, OpBuilder &b, ValueRange dys) {
  Location loc = op.getLoc();
  Value dlogits;
  if (dys[0])
    dlogits =
        CrossEntropyGradOp::create(b, loc, op.getLogits(), op.getTargets(), op.getLse(),
                                   peelScalar(dys[0]), op.getIgnoreIndex(), op.getLabelSmoothing());
  if (dys[1]) {
    Value dlse = reshape(b, loc, dys[1], {shapeOf(dys[1])[0], 1});
    Value viaLse = MulOp::create(b, loc, SoftmaxOp::create(b, loc, op.getLogits()), dlse);
    dlogits = dlogits ? AddOp::create(b, loc, dlogits, viaLse).getResult() : viaLse;
  }
  return {dlogits, Value()};
}

// loss = mean cross entropy of x w + bias; operands: x, w, [bias], targets
Gradients linearCrossEntropy(LinearCrossEntropyOp op, OpBuilder &b, ValueRange dys) {
  auto train = LinearCrossEntropyTrainOp::create(b, op.getLoc(), op.getX(), op.getW(), op.getBias(),
                                                 op.getTargets(), dys[0], op.getTransposeW(),
                                                 op.getIgnoreIndex(), op.getLabelSmoothing());
  Gradients gradients = {train.getDx(), train.getDw()};
  if (op.getBias())
    gradients.push_back(train.getDbias());
  gradients.push_back(Value());
  return gradients;
}

} // namespace

void attachLossRules(MLIRContext *context) {
  attach<CrossEntropyOp, crossEntropy>(context);
  attach<LinearCrossEntropyOp, linearCrossEntropy>(context);
}

} // namespace heddle::passes::autodiff
