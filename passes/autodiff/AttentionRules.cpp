// SPDX-License-Identifier: Apache-2.0
#include "passes/autodiff/Rules.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes::autodiff {
namespace {

// o = dropout(softmax(mask(scale q k^T + bias))) v
// The weights are recomputed from lse (arXiv:2307.08691).
Gradients attention(AttentionOp op, OpBuilder &b, ValueRange dys) {
  auto grad = AttentionGradOp::create(
      b, op.getLoc(), op.getQ().getType(), op.getK().getType(), op.getV().getType(),
      op.getBias() ? op.getBias().getType() : Type(), op.getQ(), op.getK(), op.getV(), op.getO(),
      op.getLse(), dys[0], op.getBias(), op.getKeyMask(), op.getKvLengths(), op.getRng(),
      op.getScaleAttr(), op.getCausalAttr(), op.getWindowAttr(), op.getSoftCapAttr(),
      op.getDropoutAttr(), op.getRngIdAttr());
  Gradients gradients(op->getNumOperands());
  gradients[0] = grad.getDq();
  gradients[1] = grad.getDk();
  gradients[2] = grad.getDv();
  if (op.getBias())
    gradients[3] = grad.getDbias();
  return gradients;
}

} // namespace

void attachAttentionRules(MLIRContext *context) { attach<AttentionOp, attention>(context); }

} // namespace heddle::passes::autodiff
