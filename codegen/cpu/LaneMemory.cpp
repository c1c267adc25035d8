// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/LaneMemory.h"

#include <limits>

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace heddle::codegen {

Value laneNumbers(ImplicitLocOpBuilder &b, int64_t lanes, int64_t stride) {
  SmallVector<int32_t> numbers;
  for (int64_t i = 0; i < lanes; ++i)
    numbers.push_back(static_cast<int32_t>(i * stride));
  auto type = VectorType::get({lanes}, b.getI32Type());
  return arith::ConstantOp::create(b, DenseElementsAttr::get(type, ArrayRef<int32_t>(numbers)));
}

Value gatherVector(ImplicitLocOpBuilder &b, int64_t lanes, Value buffer, Value offset,
                   int64_t stride, Value mask) {
  auto type = VectorType::get({lanes}, cast<MemRefType>(buffer.getType()).getElementType());
  Value numbers;
  if (stride <= std::numeric_limits<int32_t>::max() / lanes) {
    numbers = laneNumbers(b, lanes, stride);
  } else {
    SmallVector<int64_t> wide;
    for (int64_t i = 0; i < lanes; ++i)
      wide.push_back(i * stride);
    auto wideType = VectorType::get({lanes}, b.getI64Type());
    numbers =
        arith::ConstantOp::create(b, DenseElementsAttr::get(wideType, ArrayRef<int64_t>(wide)));
  }
  if (!mask)
    mask = arith::ConstantOp::create(
        b, DenseElementsAttr::get(VectorType::get({lanes}, b.getI1Type()), true));
  Value zeros = arith::ConstantOp::create(b, b.getZeroAttr(type));
  return vector::GatherOp::create(b, type, buffer, ValueRange{offset}, numbers, mask, zeros);
}

Value constantBuffer(ImplicitLocOpBuilder &b, DenseElementsAttr elements) {
  auto type = MemRefType::get({elements.getNumElements()}, elements.getElementType());
  Operation *function = b.getInsertionBlock()->getParentOp();
  while (!isa<func::FuncOp>(function))
    function = function->getParentOp();
  int number = 0;
  for (Operation &op : *function->getBlock())
    number += isa<memref::GlobalOp>(op);
  std::string name = "table" + std::to_string(number);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(function->getBlock());
    memref::GlobalOp::create(b, name, b.getStringAttr("private"), type, elements,
                             /*constant=*/true, b.getI64IntegerAttr(64));
  }
  return memref::GetGlobalOp::create(b, type, name);
}

Value constantTensor(ImplicitLocOpBuilder &b, ir::ConstantOp constant) {
  auto elements = cast<DenseElementsAttr>(constant.getValue());
  int64_t count = elements.getNumElements();
  if (!elements.getElementType().isInteger(1))
    return constantBuffer(
        b, elements.reshape(RankedTensorType::get({count}, elements.getElementType())));
  SmallVector<int8_t> bytes;
  for (bool bit : elements.getValues<bool>())
    bytes.push_back(bit);
  return constantBuffer(b, DenseElementsAttr::get(RankedTensorType::get({count}, b.getI8Type()),
                                                  ArrayRef<int8_t>(bytes)));
}

Value sameBuffer(ImplicitLocOpBuilder &b, Value x, Value y) {
  Value left = memref::ExtractAlignedPointerAsIndexOp::create(b, x);
  Value right = memref::ExtractAlignedPointerAsIndexOp::create(b, y);
  return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, left, right);
}

} // namespace heddle::codegen
