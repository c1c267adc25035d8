// SPDX-License-Identifier: Apache-2.0
#include "ir/TensorBuilder.h"
#include "passes/autodiff/Rules.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes::autodiff {
namespace {

Value quickGeluArgument(OpBuilder &b, Location loc, Value x) {
  return TensorBuilder(b, loc).scale(x, FfnOp::kQuickGeluSlope);
}

Value activate(OpBuilder &b, Location loc, Activation activation, Value x) {
  switch (activation) {
  case Activation::relu:
    return ReluOp::create(b, loc, x);
  case Activation::silu:
    return SiluOp::create(b, loc, x);
  case Activation::gelu:
  case Activation::gelu_tanh:
    return GeluOp::create(b, loc, x, activation == Activation::gelu_tanh);
  case Activation::quick_gelu:
    return MulOp::create(b, loc, x, SigmoidOp::create(b, loc, quickGeluArgument(b, loc, x)));
  }
  llvm_unreachable("unknown activation");
}

Value activationGrad(OpBuilder &b, Location loc, Activation activation, Value x, Value dy) {
  switch (activation) {
  case Activation::relu:
    return ReluGradOp::create(b, loc, x, dy);
  case Activation::silu:
    return SiluGradOp::create(b, loc, x, dy);
  case Activation::gelu:
  case Activation::gelu_tanh:
    return GeluGradOp::create(b, loc, x, dy, activation == Activation::gelu_tanh);
  case Activation::quick_gelu: // silu(c x) / c, and the factors of the chain rule cancel
    return SiluGradOp::create(b, loc, quickGeluArgument(b, loc, x), dy);
  }
  llvm_unreachable("unknown activation");
}

// The gradients of y = x w + bias; w [in, out], or [out, in] when transposed.
struct LinearGrads {
  Value dx, dw, dbias;
};
LinearGrads linear(OpBuilder &b, Location loc, Value x, Value w, bool transposed, Value bias,
                   Value dy) {
  LinearGrads grads;
  grads.dx = MatmulOp::create(b, loc, dy, w, false, !transposed);
  Value rows = flattenRows(b, loc, x), drows = flattenRows(b, loc, dy);
  grads.dw = transposed ? MatmulOp::create(b, loc, drows, rows, true, false)
                        : MatmulOp::create(b, loc, rows, drows, true, false);
  if (bias)
    grads.dbias = sumToShape(b, loc, dy, shapeOf(bias));
  return grads;
}

// hidden = x w_in + b_in, gate = x w_gate + b_gate
// y = act(hidden) w_out + b_out, or (act(gate) hidden) w_out + b_out
// hidden and gate were saved; only the activation is computed again.
Gradients ffn(FfnOp op, OpBuilder &b, ValueRange dys) {
  Location loc = op.getLoc();
  const bool transposed = op.getTransposeWeights();
  Value hidden = op.getHidden(), gate = op.getGate();
  Value active = activate(b, loc, op.getActivation(), gate ? gate : hidden);
  Value inner = gate ? MulOp::create(b, loc, active, hidden).getResult() : active;
  // The same elements are dropped of the gradient.
  auto dropped = [&](Value x) {
    return op.getDropout().isZero() ? x
                                    : DropoutOp::create(b, loc, x.getType(), x, op.getRng(),
                                                        op.getDropoutAttr(), op.getRngIdAttr())
                                          .getResult();
  };
  LinearGrads out = linear(b, loc, dropped(inner), op.getWOut(), transposed, op.getBOut(), dys[0]);
  out.dx = dropped(out.dx);

  Value dhidden, dgate;
  LinearGrads gateGrads;
  if (gate) {
    dhidden = MulOp::create(b, loc, out.dx, active);
    Value dactive = MulOp::create(b, loc, out.dx, hidden);
    dgate = activationGrad(b, loc, op.getActivation(), gate, dactive);
    gateGrads = linear(b, loc, op.getX(), op.getWGate(), transposed, op.getBGate(), dgate);
  } else {
    dhidden = activationGrad(b, loc, op.getActivation(), hidden, out.dx);
  }
  LinearGrads in = linear(b, loc, op.getX(), op.getWIn(), transposed, op.getBIn(), dhidden);
  Value dx = gate ? AddOp::create(b, loc, in.dx, gateGrads.dx).getResult() : in.dx;

  Gradients gradients = {dx, in.dw};
  if (op.getBIn())
    gradients.push_back(in.dbias);
  if (op.getWGate())
    gradients.push_back(gateGrads.dw);
  if (op.getBGate())
    gradients.push_back(gateGrads.dbias);
  gradients.push_back(out.dw);
  if (op.getBOut())
    gradients.push_back(out.dbias);
  if (op.getRng())
    gradients.push_back({});
  return gradients;
}

} // namespace

void attachFfnRules(MLIRContext *context) { attach<FfnOp, ffn>(context); }

} // namespace heddle::passes::autodiff
