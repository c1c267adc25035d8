// SPDX-License-Identifier: Apache-2.0
#include "ir/TensorBuilder.h"

using namespace mlir;
using namespace heddle::ir;

namespace {

Value linear(TensorBuilder &b, Value x, Value weight, Value bias, bool transposed) {
  Value y = b.matmul(x, weight, false, transposed);
  return bias ? b.add(y, bias) : y;
}

Value activate(TensorBuilder &b, Activation activation, Value x) {
  switch (activation) {
  case Activation::relu:
    return b.make<ReluOp>(x);
  case Activation::gelu:
    return b.make<GeluOp>(x.getType(), x, /*tanh_approximation=*/false);
  case Activation::gelu_tanh:
    return b.make<GeluOp>(x.getType(), x, /*tanh_approximation=*/true);
  case Activation::silu:
    return b.make<SiluOp>(x);
  case Activation::quick_gelu:
    return b.mul(x, b.make<SigmoidOp>(b.scale(x, FfnOp::kQuickGeluSlope)));
  }
  llvm_unreachable("unknown activation");
}

} // namespace

SmallVector<Value> FfnOp::decompose(OpBuilder &builder) {
  TensorBuilder b(builder, getLoc());
  bool transposed = getTransposeWeights();
  auto dropped = [&](Value x) {
    return getDropout().isZero()
               ? x
               : b.make<DropoutOp>(x.getType(), x, getRng(), getDropoutAttr(), getRngIdAttr());
  };
  Value hidden = linear(b, getX(), getWIn(), getBIn(), transposed);
  if (!getWGate()) {
    Value active = dropped(activate(b, getActivation(), hidden));
    return {linear(b, active, getWOut(), getBOut(), transposed), hidden};
  }
  Value gate = linear(b, getX(), getWGate(), getBGate(), transposed);
  Value active = dropped(b.mul(activate(b, getActivation(), gate), hidden));
  return {linear(b, active, getWOut(), getBOut(), transposed), hidden, gate};
}
