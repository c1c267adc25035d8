// SPDX-License-Identifier: Apache-2.0
#include "passes/autodiff/Rules.h"

#include <numeric>

#include "passes/autodiff/Gradients.h"

using namespace mlir;

namespace heddle::passes {

void registerGradients(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, ir::HeddleDialect *) {
    autodiff::attachElementwiseRules(context);
    autodiff::attachActivationRules(context);
    autodiff::attachShapeRules(context);
    autodiff::attachReductionRules(context);
    autodiff::attachNormRules(context);
    autodiff::attachMatmulRules(context);
    autodiff::attachEmbeddingRules(context);
    autodiff::attachAttentionRules(context);
    autodiff::attachFfnRules(context);
    autodiff::attachLossRules(context);
  });
}

namespace autodiff {

Value scalar(OpBuilder &builder, Location loc, Value like, double value) {
  Type element = typeOf(like).getElementType();
  auto type = RankedTensorType::get({}, element);
  Attribute attribute = builder.getFloatAttr(element, value);
  return ir::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, attribute));
}

Value reshape(OpBuilder &builder, Location loc, Value value, ArrayRef<int64_t> shape) {
  if (shapeOf(value) == shape)
    return value;
  return ir::ReshapeOp::create(builder, loc, typeOf(value).clone(shape), value);
}

Value flattenRows(OpBuilder &builder, Location loc, Value value) {
  ArrayRef<int64_t> shape = shapeOf(value);
  int64_t rows = std::accumulate(shape.begin(), shape.end() - 1, int64_t{1}, std::multiplies<>());
  return reshape(builder, loc, value, {rows, shape.back()});
}

Value broadcastBack(OpBuilder &builder, Location loc, Value value, ArrayRef<int64_t> reduced,
                    ArrayRef<int64_t> shape) {
  SmallVector<int64_t> kept(shape);
  for (int64_t axis : reduced)
    kept[axis] = 1;
  Value aligned = reshape(builder, loc, value, kept);
  if (llvm::equal(kept, shape))
    return aligned;
  return ir::BroadcastOp::create(builder, loc, typeOf(value).clone(shape), aligned);
}

Value sumToShape(OpBuilder &builder, Location loc, Value dy, ArrayRef<int64_t> shape) {
  ArrayRef<int64_t> from = shapeOf(dy);
  const int64_t added = static_cast<int64_t>(from.size()) - static_cast<int64_t>(shape.size());
  SmallVector<int64_t> repeated;
  for (int64_t axis = 0; axis < static_cast<int64_t>(from.size()); ++axis)
    if (from[axis] != 1 && (axis < added || shape[axis - added] == 1))
      repeated.push_back(axis);
  if (!repeated.empty())
    dy = ir::SumOp::create(builder, loc, dy, builder.getDenseI64ArrayAttr(repeated));
  return reshape(builder, loc, dy, shape);
}

} // namespace autodiff
} // namespace heddle::passes
