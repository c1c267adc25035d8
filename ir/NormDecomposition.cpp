// SPDX-License-Identifier: Apache-2.0
// layer_norm and rms_norm in primitive ops. Statistics are formed in f32 where x is narrower.

#include "ir/TensorBuilder.h"

using namespace mlir;
using namespace heddle::ir;

namespace {

/// 1 / sqrt(mean(x^2) + eps), [...].
Value reciprocalRootMeanSquare(TensorBuilder &b, Value x, double eps) {
  Value meanSquare = b.meanLast(b.mul(x, x));
  return b.make<RsqrtOp>(b.add(meanSquare, b.scalar(elementOf(x), eps)));
}

} // namespace

SmallVector<Value> LayerNormOp::decompose(OpBuilder &builder) {
  TensorBuilder b(builder, getLoc());
  Type element = elementOf(getX()), wide = statisticsType(element);
  Value x = b.cast(getX(), wide);
  Value mean = b.meanLast(x);
  Value centred = b.sub(x, b.column(mean));
  Value rstd = reciprocalRootMeanSquare(b, centred, getEps().convertToDouble());
  Value y = b.mul(centred, b.column(rstd));
  if (getGamma())
    y = b.mul(y, b.cast(getGamma(), wide));
  if (getBeta())
    y = b.add(y, b.cast(getBeta(), wide));
  return {b.cast(y, element), mean, rstd};
}

SmallVector<Value> RmsNormOp::decompose(OpBuilder &builder) {
  TensorBuilder b(builder, getLoc());
  Type element = elementOf(getX()), wide = statisticsType(element);
  Value x = b.cast(getX(), wide);
  Value rstd = reciprocalRootMeanSquare(b, x, getEps().convertToDouble());
  Value y = b.mul(x, b.column(rstd));
  if (getGamma())
    y = b.mul(y, b.cast(getGamma(), wide));
  return {b.cast(y, element), rstd};
}
