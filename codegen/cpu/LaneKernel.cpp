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

} // namespace

LaneKernel::LaneKernel(ImplicitLocOpBuilder &b, const Target &target, ir::KernelOp kernel,
                       std::vector<int64_t> shape, std::string *reason)
    : b_(b), target_(target), kernel_(kernel), reads_(std::move(shape), reason) {}

Value LaneKernel::rootBuffer(Value root) {
  if (auto constant = root.getDefiningOp<ir::ConstantOp>())
    return constantTensor(b_, constant);
  return operands_[cast<BlockArgument>(root).getArgNumber()];
}

void LaneKernel::bind(ArrayRef<Value> operands) {
  operands_.assign(operands.begin(), operands.end());
  bound_.assign(reads_.leaves().size(), Bound());
  for (auto [leaf, bound] : llvm::zip(reads_.leaves(), bound_))
    if (!leaf.splat)
      bound.buffer = rootBuffer(leaf.root);
  for (Value rng : reads_.randomStates()) {
    std::optional<unsigned> argument = randomStateArgument(rng);
    if (!argument)
      return fail("the random state is no input of the kernel");
    rng_[rng] = loadRngWords(b_, operands_[*argument]);
  }
}

void LaneKernel::beginRow(Value row) {
  row_ = row;
  const IterationSpace &space = reads_.space();
  const std::vector<int64_t> &sizes = space.sizes();
  rowIndices_.assign(sizes.size() - 1, Value());
  Value rest = row;
  for (size_t axis = sizes.size() - 1; axis-- > 0;) {
    rowIndices_[axis] = axis == 0 ? rest : remIndex(b_, rest, sizes[axis]);
    if (axis != 0)
      rest = divIndex(b_, rest, sizes[axis]);
  }
  for (auto [leaf, bound] : llvm::zip(reads_.leaves(), bound_)) {
    if (leaf.splat)
      continue;
    bound.rowOffset = constantIndex(b_, space.offset(leaf.window));
    for (size_t axis = 0; axis + 1 < sizes.size(); ++axis)
      bound.rowOffset = addIndex(b_, bound.rowOffset,
                                 mulIndex(b_, rowIndices_[axis], space.strides(leaf.window)[axis]));
    // Before any store of the row: an output may replace the input.
    bound.spread = {};
    if (!leaf.statistic && space.innerStride(leaf.window) == 0)
      bound.spread = fromMemory(
          broadcast(b_, lanes(), loadScalar(b_, bound.buffer, bound.rowOffset)), leaf.root);
  }
}

/// Memory holds i1 as a byte.
Value LaneKernel::fromMemory(Value lanes, Value root) {
  if (!tensorOf(root).getElementType().isInteger(1))
    return lanes;
  Value zero = arith::ConstantOp::create(b_, b_.getZeroAttr(lanes.getType()));
  return arith::CmpIOp::create(b_, arith::CmpIPredicate::ne, lanes, zero);
}

Value LaneKernel::readLeaf(size_t number, const LanePoint &point) {
  const BodyReads::Leaf &leaf = reads_.leaves()[number];
  const Bound &bound = bound_[number];
  if (leaf.splat) {
    auto type = VectorType::get({lanes()}, leaf.splat.getElementType());
    return arith::ConstantOp::create(
        b_, DenseElementsAttr::get(type, leaf.splat.getSplatValue<Attribute>()));
  }
  if (bound.spread)
    return bound.spread;
  int64_t stride = reads_.space().innerStride(leaf.window);
  Value offset = addIndex(b_, bound.rowOffset, mulIndex(b_, point.column, stride));
  if (stride == 1)
    return fromMemory(loadVector(b_, lanes(), bound.buffer, offset, point.mask), leaf.root);
  return fromMemory(gatherVector(b_, lanes(), bound.buffer, offset, stride, point.mask), leaf.root);
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
  if (std::optional<size_t> leaf = reads_.leafOf(value)) {
    result = readLeaf(*leaf, point);
  } else if (op && isMaskOp(op)) {
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
      context.firstElement = addIndex(b_, mulIndex(b_, row_, space().inner()), point.column);
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
  size_t number = *reads_.leafOf(value);
  const BodyReads::Leaf &leaf = reads_.leaves()[number];
  if (leaf.splat)
    return arith::ConstantOp::create(b_, cast<TypedAttr>(leaf.splat.getSplatValue<Attribute>()));
  Value step = mulIndex(b_, column, space().innerStride(leaf.window));
  return codegen::loadScalar(b_, bound_[number].buffer,
                             addIndex(b_, bound_[number].rowOffset, step));
}

void LaneKernel::forColumns(Value low, Value high, const std::function<void(LanePoint &)> &body) {
  int64_t rest = space().inner() % lanes();
  Value wholeEnd = high;
  if (rest != 0) {
    Value count = subIndex(b_, high, low);
    wholeEnd = addIndex(b_, low, mulIndex(b_, divIndex(b_, count, lanes()), lanes()));
  }
  if (space().inner() >= lanes())
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
  forColumns(constantIndex(b_, 0), constantIndex(b_, space().inner()), body);
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
