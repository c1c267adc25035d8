// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/LaneKernel.h"

#include "codegen/cpu/LaneMemory.h"
#include "ir/KernelForms.h"
#include "ir/ViewChain.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

RankedTensorType tensorOf(Value value) { return cast<RankedTensorType>(value.getType()); }

bool isMask(Operation *op) { return isa<ir::CausalMaskOp, ir::LengthMaskOp>(op); }

} // namespace

std::vector<std::vector<int64_t>> iterationShapes(ir::KernelOp kernel, Operation *anchor) {
  auto type = tensorOf(anchor->getOperand(0));
  std::vector<std::vector<int64_t>> shapes = {type.getShape().vec()};
  if (type.getRank() == 0)
    return shapes;
  for (Operation &op : kernel.getBody().front().without_terminator())
    for (Value result : op.getResults()) {
      auto other = tensorOf(result);
      if (ir::isElementwiseOp(&op) && other.getNumElements() == type.getNumElements() &&
          other.getRank() > 0 && other.getShape().back() == type.getShape().back() &&
          !llvm::is_contained(shapes, other.getShape().vec()))
        shapes.push_back(other.getShape().vec());
    }
  return shapes;
}

Value underReshapes(Value value) {
  while (auto reshape = value.getDefiningOp<ir::ReshapeOp>())
    value = reshape.getX();
  return value;
}

LaneKernel::LaneKernel(ImplicitLocOpBuilder &b, const Target &target, ir::KernelOp kernel,
                       std::vector<int64_t> shape, std::string *reason)
    : b_(b), target_(target), kernel_(kernel), space_(std::move(shape)), reason_(reason) {}

void LaneKernel::fail(const std::string &reason) {
  if (ok_ && reason_)
    *reason_ = reason;
  ok_ = false;
}

void LaneKernel::addLeaves(Value value, ValueRange computed) {
  if (llvm::is_contained(computed, value) || leafOf_.count(value))
    return;
  Operation *op = value.getDefiningOp();
  if (op && isMask(op)) {
    if (!llvm::is_contained(masks_, op))
      masks_.push_back(op);
    // The mask's two axes must be loops of their own.
    size_t rank = space_.shape().size();
    space_.keepApart(rank - 2);
    space_.keepApart(rank - 1);
    return;
  }
  if (op && ir::isElementwiseOp(op)) {
    for (Value operand : op->getOperands()) {
      auto dropout = dyn_cast<ir::DropoutOp>(op);
      if (dropout && operand == dropout.getRng())
        rng_[operand] = {};
      else
        addLeaves(operand, computed);
    }
    return;
  }
  // A reshape of a computed value renames it; what lies under other views must be an input.
  if (Value under = underReshapes(value); under != value)
    if (Operation *source = under.getDefiningOp();
        source && (ir::isElementwiseOp(source) || llvm::is_contained(computed, under)))
      return addLeaves(under, computed);
  addLeaf(value, /*statistic=*/false);
}

void LaneKernel::addStatistic(Value value) {
  if (!leafOf_.count(value))
    addLeaf(value, /*statistic=*/true);
}

void LaneKernel::addLeaf(Value value, bool statistic) {
  ir::ViewOfRoot source = ir::viewThroughChain(value);
  std::optional<ir::StridedView> view = fit(source.view, statistic);
  if (!view)
    return fail("an operand does not fit the kernel's iteration shape");
  addLeaf(value, source.root, *view);
  if (statistic && ok_)
    leaves_.back().statistic = true;
}

void LaneKernel::addLeaf(Value value, Value root, const ir::StridedView &view) {
  Leaf leaf;
  leaf.root = root;
  auto constant = root.getDefiningOp<ir::ConstantOp>();
  if (!constant && !isa<BlockArgument>(root))
    return fail("an operand is no strided view of an input");
  if (constant) {
    auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
    if (!elements)
      return fail("a constant without dense elements");
    if (elements.isSplat())
      leaf.splat = elements;
  }
  leaf.window = space_.add(view);
  leafOf_[value] = leaves_.size();
  leaves_.push_back(leaf);
}

std::optional<ir::StridedView> LaneKernel::fit(ir::StridedView view, bool statistic) const {
  const std::vector<int64_t> &shape = space_.shape();
  std::vector<int64_t> column = shape; // one element per row
  if (!column.empty())
    column.back() = 1;
  int64_t all = 1, rows = 1;
  for (int64_t size : shape)
    all *= size;
  for (int64_t size : column)
    rows *= size;
  if (view.elements() == 1)
    return ir::StridedView{view.offset, shape, std::vector<int64_t>(shape.size(), 0)};
  bool numpy = !statistic && view.sizes.size() <= shape.size();
  for (size_t i = 0; numpy && i < view.sizes.size(); ++i) {
    int64_t size = view.sizes[i];
    numpy = size == 1 || size == shape[i + shape.size() - view.sizes.size()];
  }
  if (numpy)
    return view.broadcastTo(shape);
  if (!statistic && view.elements() == all)
    return view.reshaped(shape);
  if (view.elements() == rows)
    if (std::optional<ir::StridedView> perRow = view.reshaped(column))
      return perRow->broadcastTo(shape);
  return std::nullopt;
}

Value LaneKernel::rootBuffer(Value root) {
  if (auto constant = root.getDefiningOp<ir::ConstantOp>())
    return constantTensor(b_, constant);
  return operands_[cast<BlockArgument>(root).getArgNumber()];
}

void LaneKernel::bind(ArrayRef<Value> operands) {
  operands_.assign(operands.begin(), operands.end());
  for (Leaf &leaf : leaves_)
    if (!leaf.splat)
      leaf.buffer = rootBuffer(leaf.root);
  // In the body's order: a map keyed by addresses has none.
  kernel_.getBody().walk([&](ir::DropoutOp op) {
    auto found = rng_.find(op.getRng());
    if (found == rng_.end() || found->second.step)
      return;
    ir::ViewOfRoot source = ir::viewThroughChain(op.getRng());
    if (!isa<BlockArgument>(source.root) || !source.view.isDense() || source.view.offset != 0)
      return fail("the random state is no input of the kernel");
    found->second = loadRngWords(b_, rootBuffer(source.root));
  });
}

void LaneKernel::beginRow(Value row) {
  row_ = row;
  const std::vector<int64_t> &sizes = space_.sizes();
  rowIndices_.assign(sizes.size() - 1, Value());
  Value rest = row;
  for (size_t axis = sizes.size() - 1; axis-- > 0;) {
    rowIndices_[axis] = axis == 0 ? rest : remIndex(b_, rest, sizes[axis]);
    if (axis != 0)
      rest = divIndex(b_, rest, sizes[axis]);
  }
  for (Leaf &leaf : leaves_) {
    if (leaf.splat)
      continue;
    leaf.rowOffset = constantIndex(b_, space_.offset(leaf.window));
    for (size_t axis = 0; axis + 1 < sizes.size(); ++axis)
      leaf.rowOffset = addIndex(b_, leaf.rowOffset,
                                mulIndex(b_, rowIndices_[axis], space_.strides(leaf.window)[axis]));
    // Before any store of the row: an output may replace the input.
    leaf.spread = {};
    if (!leaf.statistic && space_.innerStride(leaf.window) == 0)
      leaf.spread = fromMemory(broadcast(b_, lanes(), loadScalar(b_, leaf.buffer, leaf.rowOffset)),
                               leaf.root);
  }
}

/// Memory holds i1 as a byte.
Value LaneKernel::fromMemory(Value lanes, Value root) {
  if (!tensorOf(root).getElementType().isInteger(1))
    return lanes;
  Value zero = arith::ConstantOp::create(b_, b_.getZeroAttr(lanes.getType()));
  return arith::CmpIOp::create(b_, arith::CmpIPredicate::ne, lanes, zero);
}

Value LaneKernel::readLeaf(const Leaf &leaf, const LanePoint &point) {
  if (leaf.splat) {
    auto type = VectorType::get({lanes()}, leaf.splat.getElementType());
    return arith::ConstantOp::create(
        b_, DenseElementsAttr::get(type, leaf.splat.getSplatValue<Attribute>()));
  }
  if (leaf.spread)
    return leaf.spread;
  int64_t stride = space_.innerStride(leaf.window);
  Value offset = addIndex(b_, leaf.rowOffset, mulIndex(b_, point.column, stride));
  if (stride == 1)
    return fromMemory(loadVector(b_, lanes(), leaf.buffer, offset, point.mask), leaf.root);
  return fromMemory(gatherVector(b_, lanes(), leaf.buffer, offset, stride, point.mask), leaf.root);
}

Value LaneKernel::maskLanes(Operation *op, const LanePoint &point) {
  auto type = VectorType::get({lanes()}, b_.getI32Type());
  ArrayRef<int64_t> shape = tensorOf(op->getResult(0)).getShape();
  // Axes of size 1 broadcast.
  Value zero = constantIndex(b_, 0);
  Value rowIndex = shape[0] == 1 ? zero : rowIndices_.back();
  Value column = shape[1] == 1 ? zero : point.column;
  SmallVector<int32_t> numbers(lanes(), 0);
  for (int64_t i = 0; shape[1] != 1 && i < lanes(); ++i)
    numbers[i] = static_cast<int32_t>(i);
  auto spread = [&](Value index) -> Value {
    return broadcast(b_, lanes(), arith::IndexCastOp::create(b_, b_.getI32Type(), index));
  };
  Value keys = arith::AddIOp::create(
      b_, spread(column),
      arith::ConstantOp::create(b_, DenseElementsAttr::get(type, ArrayRef<int32_t>(numbers))));
  if (auto length = dyn_cast<ir::LengthMaskOp>(op)) {
    ir::ViewOfRoot source = ir::viewThroughChain(length.getLengths());
    if (source.view.sizes.size() != 1 || !isa<BlockArgument>(source.root)) {
      fail("the lengths of a mask are no vector among the inputs");
      return placeholder(op->getResult(0));
    }
    Value offset = addIndex(b_, mulIndex(b_, rowIndex, source.view.strides[0]),
                            constantIndex(b_, source.view.offset));
    Value count = codegen::loadScalar(b_, rootBuffer(source.root), offset);
    if (count.getType().isInteger(64))
      count = arith::TruncIOp::create(b_, b_.getI32Type(), count);
    return arith::CmpIOp::create(b_, arith::CmpIPredicate::slt, keys,
                                 broadcast(b_, lanes(), count));
  }
  Value last = addIndex(b_, rowIndex, shape[1] - shape[0]);
  Value seen = arith::CmpIOp::create(b_, arith::CmpIPredicate::sle, keys, spread(last));
  auto window = cast<ir::CausalMaskOp>(op).getWindow();
  if (!window)
    return seen;
  Value first = subIndex(b_, last, constantIndex(b_, *window));
  Value near = arith::CmpIOp::create(b_, arith::CmpIPredicate::sgt, keys, spread(first));
  return arith::AndIOp::create(b_, seen, near);
}

Value LaneKernel::placeholder(Value value) {
  auto type = VectorType::get({lanes()}, tensorOf(value).getElementType());
  return arith::ConstantOp::create(b_, b_.getZeroAttr(type));
}

Value LaneKernel::lanes(LanePoint &point, Value value) {
  if (auto found = point.known.find(value); found != point.known.end())
    return found->second;
  Value result;
  Operation *op = value.getDefiningOp();
  if (auto leaf = leafOf_.find(value); leaf != leafOf_.end()) {
    result = readLeaf(leaves_[leaf->second], point);
  } else if (op && isMask(op)) {
    result = maskLanes(op, point);
  } else if (isa_and_nonnull<ir::ReshapeOp>(op)) {
    result = lanes(point, op->getOperand(0));
  } else if (op && ir::isElementwiseOp(op)) {
    LaneContext context;
    context.lanes = lanes();
    context.fma = target_.hasFma();
    SmallVector<Value> operands;
    if (auto dropout = dyn_cast<ir::DropoutOp>(op)) {
      operands.push_back(lanes(point, dropout.getX()));
      context.rng = rng_.lookup(dropout.getRng());
      context.firstElement = addIndex(b_, mulIndex(b_, row_, space_.inner()), point.column);
    } else {
      for (Value operand : op->getOperands())
        operands.push_back(lanes(point, operand));
    }
    FailureOr<Value> emitted = emitElementwise(b_, op, operands, context);
    if (failed(emitted))
      fail("no code for " + op->getName().getStringRef().str() + " on these element types");
    result = succeeded(emitted) ? *emitted : placeholder(value);
  } else {
    fail("a value is neither an input nor computed elementwise");
    result = placeholder(value);
  }
  point.known[value] = result;
  return result;
}

Value LaneKernel::statistic(Value value) { return element(value, constantIndex(b_, 0)); }

Value LaneKernel::element(Value value, Value column) {
  const Leaf &leaf = leaves_[leafOf_.lookup(value)];
  if (leaf.splat)
    return arith::ConstantOp::create(b_, cast<TypedAttr>(leaf.splat.getSplatValue<Attribute>()));
  Value offset =
      addIndex(b_, leaf.rowOffset, mulIndex(b_, column, space_.innerStride(leaf.window)));
  return codegen::loadScalar(b_, leaf.buffer, offset);
}

void LaneKernel::forColumns(Value low, Value high, const std::function<void(LanePoint &)> &body) {
  int64_t rest = space_.inner() % lanes();
  Value wholeEnd = high;
  if (rest != 0) {
    Value count = subIndex(b_, high, low);
    wholeEnd = addIndex(b_, low, mulIndex(b_, divIndex(b_, count, lanes()), lanes()));
  }
  if (space_.inner() >= lanes())
    forLoop(b_, low, wholeEnd, lanes(), [&](Value column) {
      LanePoint point(column);
      body(point);
    });
  if (rest != 0)
    ifThen(b_, lessThan(b_, wholeEnd, high), [&] {
      LanePoint point(wholeEnd, prefixMask(b_, lanes(), rest));
      body(point);
    });
}

void LaneKernel::forColumns(const std::function<void(LanePoint &)> &body) {
  forColumns(constantIndex(b_, 0), constantIndex(b_, space_.inner()), body);
}

void LaneKernel::store(Value lanes, unsigned operand, Value offset, Value mask) {
  auto type = cast<VectorType>(lanes.getType());
  if (type.getElementType().isInteger(1))
    lanes = arith::ExtUIOp::create(b_, type.clone(b_.getI8Type()), lanes);
  storeVector(b_, lanes, operands_[operand], offset, mask);
}

void LaneKernel::storeScalar(Value scalar, unsigned operand, Value offset) {
  codegen::storeScalar(b_, scalar, operands_[operand], offset);
}

} // namespace heddle::codegen
