// SPDX-License-Identifier: Apache-2.0
// Lookups scatter their gradient; rotations turn it back.
#include "ir/PaddingId.h"
#include "passes/autodiff/Rules.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes::autodiff {
namespace {

/// dy with zeros where the padding token was looked up.
Value withoutPadding(EmbeddingOp op, OpBuilder &b, Value dy) {
  std::optional<int64_t> padding = paddingIdOf(op);
  if (!padding)
    return dy;
  Location loc = op.getLoc();
  RankedTensorType ids = typeOf(op.getIds());
  Value id =
      ConstantOp::create(b, loc,
                         DenseElementsAttr::get(RankedTensorType::get({}, ids.getElementType()),
                                                b.getIntegerAttr(ids.getElementType(), *padding)));
  Value kept = CompareOp::create(b, loc, ComparePredicate::ne, op.getIds(), id);
  SmallVector<int64_t> rows(ids.getShape());
  rows.push_back(1);
  kept = reshape(b, loc, kept, rows);
  Value none = scalar(b, loc, dy, 0.0);
  return SelectOp::create(b, loc, kept, dy, none);
}

// y[..., :] = table[ids[...], :]
Gradients embedding(EmbeddingOp op, OpBuilder &b, ValueRange dys) {
  Value dy = withoutPadding(op, b, dys[0]);
  Value dtable = EmbeddingGradOp::create(b, op.getLoc(), op.getTable().getType(), op.getIds(), dy,
                                         /*init=*/Value());
  return {dtable, Value()};
}

// y = R(positions) x, R a rotation times attention_scaling: R^T turns by the negative angles
Gradients rope(RopeOp op, OpBuilder &b, ValueRange dys) {
  UnitAttr inverse = op.getInverse() ? UnitAttr() : b.getUnitAttr();
  Value dx = RopeOp::create(b, op.getLoc(), dys[0].getType(), dys[0], op.getPositions(),
                            op.getInvFreqAttr(), op.getAttentionScalingAttr(),
                            op.getInterleavedAttr(), inverse);
  return {dx, Value()};
}

// y[b, :] = x[b, index[b], :]
Gradients gatherRows(GatherRowsOp op, OpBuilder &b, ValueRange dys) {
  Location loc = op.getLoc();
  ArrayRef<int64_t> shape = shapeOf(op.getX()); // [B, T, C]
  const int64_t batch = shape[0], positions = shape[1], width = shape[2];
  Type integer = typeOf(op.getIndex()).getElementType();
  SmallVector<Attribute> numbers;
  for (int64_t position = 0; position < positions; ++position)
    numbers.push_back(b.getIntegerAttr(integer, position));
  Value position = ConstantOp::create(
      b, loc, DenseElementsAttr::get(RankedTensorType::get({positions}, integer), numbers));
  Value index = reshape(b, loc, op.getIndex(), {batch, 1});
  Value chosen = CompareOp::create(b, loc, ComparePredicate::eq, index, position); // [B, T]
  Value rows = reshape(b, loc, chosen, {batch, positions, 1});
  Value row = reshape(b, loc, dys[0], {batch, 1, width});
  Value none = scalar(b, loc, dys[0], 0.0);
  return {SelectOp::create(b, loc, rows, row, none), Value()};
}

} // namespace

void attachEmbeddingRules(MLIRContext *context) {
  attach<EmbeddingOp, embedding>(context);
  attach<RopeOp, rope>(context);
  attach<GatherRowsOp, gatherRows>(context);
}

} // namespace heddle::passes::autodiff
