// SPDX-License-Identifier: Apache-2.0
// Types, checks and folds of the ops that move or rename elements.

#include "ir/Dialect.h"
#include "ir/ShapeRules.h"

using namespace mlir;
using namespace heddle::ir;

LogicalResult ReshapeOp::verify() {
  ShapeRules rules(getLoc(), "reshape");
  if (failed(rules.element("y", getY(), elementOf(getX()))))
    return failure();
  int64_t from = tensorOf(getX()).getNumElements(), to = tensorOf(getY()).getNumElements();
  if (from == to)
    return success();
  return rules.fail("x ", formatShape(dimsOf(getX())), " has ", from, " elements, y ",
                    formatShape(dimsOf(getY())), " has ", to);
}

OpFoldResult ReshapeOp::fold(FoldAdaptor operands) {
  if (getX().getType() == getY().getType())
    return getX();
  if (auto value = dyn_cast_or_null<DenseElementsAttr>(operands.getX()))
    return value.reshape(getType());
  if (auto inner = getX().getDefiningOp<ReshapeOp>()) {
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return {};
}

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                            TransposeOp::Adaptor op,
                                            SmallVectorImpl<Type> &results) {
  ShapeRules rules(location, "transpose");
  ArrayRef<int64_t> shape = dimsOf(op.getX()), permutation = op.getPermutation();
  if (permutation.size() != shape.size())
    return rules.fail("permutation has ", permutation.size(), " entries, x has ", shape.size(),
                      " axes");
  SmallVector<bool> seen(shape.size(), false);
  SmallVector<int64_t> transposed;
  for (int64_t axis : permutation) {
    if (axis < 0 || axis >= static_cast<int64_t>(shape.size()) || seen[axis])
      return rules.fail(formatShape(permutation), " is no permutation of ", shape.size(), " axes");
    seen[axis] = true;
    transposed.push_back(shape[axis]);
  }
  results.push_back(RankedTensorType::get(transposed, elementOf(op.getX())));
  return success();
}

OpFoldResult TransposeOp::fold(FoldAdaptor operands) {
  ArrayRef<int64_t> outer = getPermutation();
  if (llvm::is_sorted(outer))
    return getX();
  if (auto value = dyn_cast_or_null<SplatElementsAttr>(operands.getX()))
    return value.resizeSplat(getType());
  if (auto inner = getX().getDefiningOp<TransposeOp>()) {
    SmallVector<int64_t> composed;
    for (int64_t axis : outer)
      composed.push_back(inner.getPermutation()[axis]);
    setPermutation(composed);
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return {};
}

LogicalResult BroadcastOp::verify() {
  ShapeRules rules(getLoc(), "broadcast");
  if (failed(rules.element("y", getY(), elementOf(getX()))))
    return failure();
  if (broadcastsTo(dimsOf(getX()), dimsOf(getY())))
    return success();
  return rules.fail("x ", formatShape(dimsOf(getX())), " does not broadcast to ",
                    formatShape(dimsOf(getY())));
}

OpFoldResult BroadcastOp::fold(FoldAdaptor operands) {
  if (getX().getType() == getY().getType())
    return getX();
  if (auto value = dyn_cast_or_null<SplatElementsAttr>(operands.getX()))
    return value.resizeSplat(getType());
  return {};
}

LogicalResult SliceOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                        SliceOp::Adaptor op, SmallVectorImpl<Type> &results) {
  ShapeRules rules(location, "slice");
  ArrayRef<int64_t> shape = dimsOf(op.getX()), offsets = op.getOffsets(), sizes = op.getSizes();
  if (offsets.size() != shape.size() || sizes.size() != shape.size())
    return rules.fail("x has ", shape.size(), " axes, found ", offsets.size(), " offsets and ",
                      sizes.size(), " sizes");
  for (auto [axis, size] : llvm::enumerate(shape)) {
    // Compared without adding, which could overflow.
    if (offsets[axis] < 0 || sizes[axis] < 1 || sizes[axis] > size ||
        offsets[axis] > size - sizes[axis])
      return rules.fail("axis ", axis, ": ", sizes[axis], " elements from ", offsets[axis],
                        " on do not lie within ", size);
  }
  results.push_back(RankedTensorType::get(sizes, elementOf(op.getX())));
  return success();
}

OpFoldResult SliceOp::fold(FoldAdaptor operands) {
  if (getX().getType() == getY().getType())
    return getX();
  if (auto value = dyn_cast_or_null<SplatElementsAttr>(operands.getX()))
    return value.resizeSplat(getType());
  return {};
}

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                         ConcatOp::Adaptor op, SmallVectorImpl<Type> &results) {
  ShapeRules rules(location, "concat");
  if (op.getParts().empty())
    return rules.fail("needs at least one part");
  RankedTensorType first = tensorOf(op.getParts().front());
  int64_t axis = op.getAxis();
  if (axis < 0 || axis >= first.getRank())
    return rules.fail("axis is ", axis, ", the parts have ", first.getRank(), " axes");
  SmallVector<int64_t> shape(first.getShape());
  for (auto [number, part] : llvm::enumerate(op.getParts().drop_front())) {
    if (failed(rules.element(("part " + Twine(number + 1)).str(), part, first.getElementType())))
      return failure();
    SmallVector<int64_t> expected(shape), found(dimsOf(part));
    if (found.size() == expected.size())
      expected[axis] = found[axis];
    if (found != expected)
      return rules.fail("part ", number + 1, " has shape ", formatShape(found),
                        ", expected that of part 0, ", formatShape(first.getShape()),
                        ", but for axis ", axis);
    shape[axis] += found[axis];
  }
  results.push_back(RankedTensorType::get(shape, first.getElementType()));
  return success();
}

LogicalResult PadOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                      PadOp::Adaptor op, SmallVectorImpl<Type> &results) {
  ShapeRules rules(location, "pad");
  SmallVector<int64_t> shape(dimsOf(op.getX()));
  ArrayRef<int64_t> low = op.getLow(), high = op.getHigh();
  if (low.size() != shape.size() || high.size() != shape.size())
    return rules.fail("x has ", shape.size(), " axes, found ", low.size(), " low and ", high.size(),
                      " high paddings");
  for (auto [axis, size] : llvm::enumerate(shape)) {
    if (low[axis] < 0 || high[axis] < 0 || low[axis] > kMaxElements || high[axis] > kMaxElements)
      return rules.fail("axis ", axis, ": padding of ", low[axis], " and ", high[axis],
                        ", expected none below 0");
    size += low[axis] + high[axis];
  }
  results.push_back(RankedTensorType::get(shape, elementOf(op.getX())));
  return success();
}
