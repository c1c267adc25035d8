// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/IrHelpers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

std::optional<int64_t> constantOf(Value value) {
  APInt result;
  if (matchPattern(value, m_ConstantInt(&result)))
    return result.getSExtValue();
  return std::nullopt;
}

/// Folds when both are constants.
template <typename Op, typename Fold>
Value indexOp(ImplicitLocOpBuilder &b, Value x, Value y, Fold fold) {
  std::optional<int64_t> left = constantOf(x), right = constantOf(y);
  if (left && right)
    return constantIndex(b, fold(*left, *right));
  return Op::create(b, x, y);
}

} // namespace

Value constantIndex(ImplicitLocOpBuilder &b, int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

Value constantFloat(ImplicitLocOpBuilder &b, double value) {
  return arith::ConstantOp::create(b, b.getF32FloatAttr(static_cast<float>(value)));
}

Value addIndex(ImplicitLocOpBuilder &b, Value x, Value y) {
  if (constantOf(x) == 0)
    return y;
  if (constantOf(y) == 0)
    return x;
  return indexOp<arith::AddIOp>(b, x, y, std::plus<int64_t>());
}

Value addIndex(ImplicitLocOpBuilder &b, Value x, int64_t y) {
  return y == 0 ? x : addIndex(b, x, constantIndex(b, y));
}

Value subIndex(ImplicitLocOpBuilder &b, Value x, Value y) {
  return indexOp<arith::SubIOp>(b, x, y, std::minus<int64_t>());
}

Value mulIndex(ImplicitLocOpBuilder &b, Value x, int64_t y) {
  if (y == 0)
    return constantIndex(b, 0);
  return y == 1 ? x : indexOp<arith::MulIOp>(b, x, constantIndex(b, y), std::multiplies<int64_t>());
}

Value divIndex(ImplicitLocOpBuilder &b, Value x, int64_t y) {
  // Unsigned: a shift or a multiplication instead of a sign fix-up.
  return y == 1 ? x : indexOp<arith::DivUIOp>(b, x, constantIndex(b, y), std::divides<int64_t>());
}

Value remIndex(ImplicitLocOpBuilder &b, Value x, int64_t y) {
  return y == 1 ? constantIndex(b, 0)
                : indexOp<arith::RemUIOp>(b, x, constantIndex(b, y), std::modulus<int64_t>());
}

Value minIndex(ImplicitLocOpBuilder &b, Value x, Value y) {
  return indexOp<arith::MinSIOp>(b, x, y, [](int64_t l, int64_t r) { return std::min(l, r); });
}

Value maxIndex(ImplicitLocOpBuilder &b, Value x, Value y) {
  return indexOp<arith::MaxSIOp>(b, x, y, [](int64_t l, int64_t r) { return std::max(l, r); });
}

Value lessThan(ImplicitLocOpBuilder &b, Value x, Value y) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, x, y);
}

Value equals(ImplicitLocOpBuilder &b, Value x, Value y) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, x, y);
}

VectorType f32Vector(ImplicitLocOpBuilder &b, int64_t lanes) {
  return VectorType::get({lanes}, b.getF32Type());
}

Value splat(ImplicitLocOpBuilder &b, int64_t lanes, double value) {
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(f32Vector(b, lanes), static_cast<float>(value)));
}

Value broadcast(ImplicitLocOpBuilder &b, int64_t lanes, Value scalar) {
  return vector::BroadcastOp::create(b, VectorType::get({lanes}, scalar.getType()), scalar);
}

Value loadScalar(ImplicitLocOpBuilder &b, Value buffer, Value offset) {
  return memref::LoadOp::create(b, buffer, ValueRange{offset});
}

void storeScalar(ImplicitLocOpBuilder &b, Value value, Value buffer, Value offset) {
  memref::StoreOp::create(b, value, buffer, ValueRange{offset});
}

Value loadVector(ImplicitLocOpBuilder &b, int64_t lanes, Value buffer, Value offset, Value mask) {
  auto type = VectorType::get({lanes}, cast<MemRefType>(buffer.getType()).getElementType());
  if (!mask)
    return vector::LoadOp::create(b, type, buffer, ValueRange{offset});
  Value zeros = arith::ConstantOp::create(b, b.getZeroAttr(type));
  return vector::MaskedLoadOp::create(b, type, buffer, ValueRange{offset}, mask, zeros);
}

void storeVector(ImplicitLocOpBuilder &b, Value vector, Value buffer, Value offset, Value mask) {
  if (mask)
    vector::MaskedStoreOp::create(b, buffer, ValueRange{offset}, mask, vector);
  else
    vector::StoreOp::create(b, vector, buffer, ValueRange{offset});
}

void prefetch(ImplicitLocOpBuilder &b, Value buffer, Value offset, int locality) {
  memref::PrefetchOp::create(b, buffer, ValueRange{offset}, /*isWrite=*/false, locality,
                             /*isDataCache=*/true);
}

Value prefixMask(ImplicitLocOpBuilder &b, int64_t lanes, int64_t active) {
  if (active >= lanes)
    return {};
  SmallVector<bool> bits(lanes, false);
  std::fill(bits.begin(), bits.begin() + active, true);
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(VectorType::get({lanes}, b.getI1Type()), ArrayRef<bool>(bits)));
}

Value prefixMask(ImplicitLocOpBuilder &b, int64_t lanes, Value active) {
  auto type = VectorType::get({lanes}, b.getI32Type());
  SmallVector<int32_t> numbers(lanes);
  for (int64_t i = 0; i < lanes; ++i)
    numbers[i] = static_cast<int32_t>(i);
  Value iota =
      arith::ConstantOp::create(b, DenseElementsAttr::get(type, ArrayRef<int32_t>(numbers)));
  Value count = arith::IndexCastOp::create(b, b.getI32Type(), active);
  return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, iota, broadcast(b, lanes, count));
}

Value multiplyAdd(ImplicitLocOpBuilder &b, bool fused, Value x, Value y, Value z) {
  if (fused)
    return vector::FMAOp::create(b, x, y, z);
  return arith::AddFOp::create(b, arith::MulFOp::create(b, x, y), z);
}

Value larger(ImplicitLocOpBuilder &b, Value x, Value y) {
  auto op = arith::MaxNumFOp::create(b, x, y);
  op.setFastmathAttr(arith::FastMathFlagsAttr::get(b.getContext(), arith::FastMathFlags::nnan |
                                                                       arith::FastMathFlags::nsz));
  return op;
}

Value sumOfLanes(ImplicitLocOpBuilder &b, Value vector) {
  // Without `reassoc` LLVM adds lane by lane.
  return vector::ReductionOp::create(b, vector::CombiningKind::ADD, vector,
                                     arith::FastMathFlags::reassoc);
}

void forLoop(ImplicitLocOpBuilder &b, Value low, Value high, int64_t step,
             const std::function<void(Value)> &body) {
  forLoop(b, low, high, step, ValueRange{}, [&](Value i, ValueRange) {
    body(i);
    return SmallVector<Value>{};
  });
}

SmallVector<Value> forLoop(ImplicitLocOpBuilder &b, Value low, Value high, int64_t step,
                           ValueRange carried,
                           const std::function<SmallVector<Value>(Value, ValueRange)> &body) {
  auto loop = scf::ForOp::create(b, low, high, constantIndex(b, step), carried);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!carried.empty())
    scf::YieldOp::create(b, next);
  return loop.getResults();
}

void ifThen(ImplicitLocOpBuilder &b, Value condition, const std::function<void()> &thenBody,
            const std::function<void()> &elseBody) {
  auto op = scf::IfOp::create(b, condition, /*withElseRegion=*/static_cast<bool>(elseBody));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.thenBlock());
  thenBody();
  if (elseBody) {
    b.setInsertionPointToStart(op.elseBlock());
    elseBody();
  }
}

func::FuncOp privateFunction(ImplicitLocOpBuilder &b, StringRef name, TypeRange arguments,
                             const std::function<void(Block::BlockArgListType)> &body) {
  OpBuilder::InsertionGuard guard(b);
  auto function = func::FuncOp::create(b, name, b.getFunctionType(arguments, {}));
  function.setPrivate();
  function->setAttr("passthrough", b.getStrArrayAttr({"noinline"}));
  Block *block = function.addEntryBlock();
  b.setInsertionPointToStart(block);
  body(block->getArguments());
  func::ReturnOp::create(b);
  return function;
}

void call(ImplicitLocOpBuilder &b, func::FuncOp function, ValueRange arguments) {
  func::CallOp::create(b, function, arguments);
}

} // namespace heddle::codegen
