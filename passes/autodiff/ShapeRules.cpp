// SPDX-License-Identifier: Apache-2.0
// Ops that move elements: the gradient moves them back.
#include "passes/autodiff/Rules.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes::autodiff {
namespace {

// y = x under another shape
Gradients reshapeBack(ReshapeOp op, OpBuilder &b, ValueRange dys) {
  return {reshape(b, op.getLoc(), dys[0], shapeOf(op.getX()))};
}

// axis i of y is axis permutation[i] of x
Gradients transpose(TransposeOp op, OpBuilder &b, ValueRange dys) {
  SmallVector<int64_t> inverse(op.getPermutation().size());
  for (auto [position, axis] : llvm::enumerate(op.getPermutation()))
    inverse[axis] = static_cast<int64_t>(position);
  return {TransposeOp::create(b, op.getLoc(), dys[0], b.getDenseI64ArrayAttr(inverse))};
}

// y repeats x
Gradients broadcast(BroadcastOp op, OpBuilder &b, ValueRange dys) {
  return {sumToShape(b, op.getLoc(), dys[0], shapeOf(op.getX()))};
}

// y[i] = x[offsets + i]; sums of such pads that tile x become one concat (Adjoints.cpp)
Gradients slice(SliceOp op, OpBuilder &b, ValueRange dys) {
  SmallVector<int64_t> low(op.getOffsets()), high(shapeOf(op.getX()));
  for (auto [axis, size] : llvm::enumerate(op.getSizes()))
    high[axis] -= low[axis] + size;
  return {PadOp::create(b, op.getLoc(), dys[0], b.getDenseI64ArrayAttr(low),
                        b.getDenseI64ArrayAttr(high))};
}

// y = [p0, p1, ...] along the axis
Gradients concat(ConcatOp op, OpBuilder &b, ValueRange dys) {
  Gradients dparts;
  SmallVector<int64_t> offsets(shapeOf(op.getY()).size(), 0);
  const int64_t axis = static_cast<int64_t>(op.getAxis());
  for (Value part : op.getParts()) {
    dparts.push_back(SliceOp::create(b, op.getLoc(), dys[0], b.getDenseI64ArrayAttr(offsets),
                                     b.getDenseI64ArrayAttr(shapeOf(part))));
    offsets[axis] += shapeOf(part)[axis];
  }
  return dparts;
}

// y = x between zeros
Gradients pad(PadOp op, OpBuilder &b, ValueRange dys) {
  return {SliceOp::create(b, op.getLoc(), dys[0], op.getLowAttr(),
                          b.getDenseI64ArrayAttr(shapeOf(op.getX())))};
}

} // namespace

void attachShapeRules(MLIRContext *context) {
  attach<ReshapeOp, reshapeBack>(context);
  attach<TransposeOp, transpose>(context);
  attach<BroadcastOp, broadcast>(context);
  attach<SliceOp, slice>(context);
  attach<ConcatOp, concat>(context);
  attach<PadOp, pad>(context);
}

} // namespace heddle::passes::autodiff
