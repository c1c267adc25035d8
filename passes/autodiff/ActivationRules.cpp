// SPDX-License-Identifier: Apache-2.0
// Activation functions: each has an op for its slope, so that a kernel computes it in one go.
#include "passes/autodiff/Rules.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes::autodiff {
namespace {

// y = max(x, 0)
Gradients relu(ReluOp op, OpBuilder &b, ValueRange dys) {
  return {ReluGradOp::create(b, op.getLoc(), op.getX(), dys[0])};
}

// y = x sigmoid(x)
Gradients silu(SiluOp op, OpBuilder &b, ValueRange dys) {
  return {SiluGradOp::create(b, op.getLoc(), op.getX(), dys[0])};
}

// y = x Phi(x)
Gradients gelu(GeluOp op, OpBuilder &b, ValueRange dys) {
  return {GeluGradOp::create(b, op.getLoc(), op.getX(), dys[0], op.getTanhApproximation())};
}

} // namespace

void attachActivationRules(MLIRContext *context) {
  attach<ReluOp, relu>(context);
  attach<SiluOp, silu>(context);
  attach<GeluOp, gelu>(context);
}

} // namespace heddle::passes::autodiff
