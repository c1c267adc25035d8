// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/InputWindow.h"

#include "codegen/body/IterationSpace.h"
#include "codegen/cpu/LaneMemory.h"
#include "ir/ViewChain.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace heddle::codegen {

FailureOr<InputWindow> InputWindow::of(Value operand, std::string *reason) {
  ir::ViewOfRoot source = ir::viewThroughChain(operand);
  InputWindow window;
  window.root_ = source.root;
  window.view_ = source.view;
  if (auto constant = source.root.getDefiningOp<ir::ConstantOp>()) {
    if (isa<DenseElementsAttr>(constant.getValue()))
      return window;
    *reason = "a constant without dense elements";
    return failure();
  }
  if (isa<BlockArgument>(source.root))
    return window;
  *reason = "an operand is no strided view of an input";
  return failure();
}

void InputWindow::bind(ImplicitLocOpBuilder &b, ArrayRef<Value> operands) {
  if (auto constant = root_.getDefiningOp<ir::ConstantOp>())
    buffer_ = constantTensor(b, constant);
  else
    buffer_ = operands[cast<BlockArgument>(root_).getArgNumber()];
}

Value InputWindow::offset(ImplicitLocOpBuilder &b, ArrayRef<Value> indices) const {
  Value offset = constantIndex(b, view_.offset);
  for (auto [axis, index] : llvm::enumerate(indices))
    if (view_.sizes[axis] != 1)
      offset = addIndex(b, offset, mulIndex(b, index, view_.strides[axis]));
  return offset;
}

Value InputWindow::linearOffset(ImplicitLocOpBuilder &b, Value linear, size_t axes) const {
  std::vector<int64_t> sizes(view_.sizes.begin(), view_.sizes.begin() + axes);
  IterationSpace space(sizes);
  space.add({0, sizes, {view_.strides.begin(), view_.strides.begin() + axes}});
  space.collapse();
  Value offset = constantIndex(b, view_.offset), rest = linear;
  for (size_t axis = space.sizes().size(); axis-- > 0;) {
    Value index = axis == 0 ? rest : remIndex(b, rest, space.sizes()[axis]);
    offset = addIndex(b, offset, mulIndex(b, index, space.strides(0)[axis]));
    if (axis != 0)
      rest = divIndex(b, rest, space.sizes()[axis]);
  }
  return offset;
}

Value InputWindow::loadIndex(ImplicitLocOpBuilder &b, Value offset) const {
  return arith::IndexCastOp::create(b, b.getIndexType(), loadScalar(b, buffer_, offset));
}

void forVectors(ImplicitLocOpBuilder &b, int64_t lanes, int64_t count, Value low, Value high,
                const std::function<void(Value, Value)> &body) {
  int64_t rest = count % lanes;
  Value wholeEnd = high;
  if (rest != 0)
    wholeEnd = addIndex(b, low, mulIndex(b, divIndex(b, subIndex(b, high, low), lanes), lanes));
  if (count >= lanes)
    forLoop(b, low, wholeEnd, lanes, [&](Value column) { body(column, {}); });
  if (rest != 0)
    ifThen(b, lessThan(b, wholeEnd, high), [&] { body(wholeEnd, prefixMask(b, lanes, rest)); });
}

void emitCopy(ImplicitLocOpBuilder &b, int64_t lanes, Value from, Value fromOffset,
              int64_t fromStride, Value to, Value toOffset, int64_t count, Value low, Value high) {
  forVectors(b, lanes, count, low, high, [&](Value column, Value mask) {
    Value at = addIndex(b, fromOffset, mulIndex(b, column, fromStride));
    Value vector = fromStride == 1   ? loadVector(b, lanes, from, at, mask)
                   : fromStride == 0 ? broadcast(b, lanes, loadScalar(b, from, at))
                                     : gatherVector(b, lanes, from, at, fromStride, mask);
    storeVector(b, vector, to, addIndex(b, toOffset, column), mask);
  });
}

void emitCopy(ImplicitLocOpBuilder &b, int64_t lanes, Value from, Value fromOffset,
              int64_t fromStride, Value to, Value toOffset, int64_t count) {
  emitCopy(b, lanes, from, fromOffset, fromStride, to, toOffset, count, constantIndex(b, 0),
           constantIndex(b, count));
}

} // namespace heddle::codegen
