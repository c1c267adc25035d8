// SPDX-License-Identifier: Apache-2.0
#include "ir/BufferAssignment.h"

using namespace mlir;

namespace heddle::ir {

int64_t byteSize(RankedTensorType type) {
  const int64_t bits = type.getElementType().getIntOrFloatBitWidth();
  return type.getNumElements() * std::max<int64_t>(1, bits / 8);
}

namespace {

int64_t byteSizeOf(Value value) { return byteSize(cast<RankedTensorType>(value.getType())); }

} // namespace

std::optional<int64_t> leadingSliceOffset(SliceOp slice) {
  // Dense when only axes behind leading ones of size 1 are cut.
  ArrayRef<int64_t> shape = slice.getX().getType().getShape(), sizes = slice.getSizes();
  if (shape.empty())
    return 0;
  size_t axis = 0;
  while (axis + 1 < shape.size() && sizes[axis] == 1)
    ++axis;
  for (size_t inner = axis + 1; inner < shape.size(); ++inner)
    if (sizes[inner] != shape[inner])
      return std::nullopt;
  int64_t elements = 0;
  for (auto [offset, size] : llvm::zip(slice.getOffsets(), shape))
    elements = elements * size + offset;
  return elements * (byteSizeOf(slice.getX()) / slice.getX().getType().getNumElements());
}

std::optional<int64_t> leadingConcatOffset(ConcatOp concat, unsigned part) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(concat.getY().getType()).getShape();
  for (int64_t axis = 0; axis < static_cast<int64_t>(concat.getAxis()); ++axis)
    if (shape[axis] != 1)
      return std::nullopt;
  int64_t offset = 0;
  for (Value before : concat.getParts().take_front(part))
    offset += byteSizeOf(before);
  return offset;
}

BufferAssignment::BufferAssignment(func::FuncOp planned) : function_(planned) {
  for (ConstantOp constant : planned.getBody().front().getOps<ConstantOp>())
    constants_.push_back(constant);
}

BufferRef BufferAssignment::lookup(Value value) const {
  int64_t offset = 0;
  while (true) {
    if (auto argument = dyn_cast<BlockArgument>(value))
      return {BufferRef::Space::Argument, argument.getArgNumber(), offset};
    Operation *op = value.getDefiningOp();
    if (auto reshape = dyn_cast<ReshapeOp>(op)) {
      value = reshape.getX();
    } else if (auto slice = dyn_cast<SliceOp>(op)) {
      offset += leadingSliceOffset(slice).value_or(0);
      value = slice.getX();
    } else if (auto concat = dyn_cast<ConcatOp>(op)) {
      // Every part lies in the buffer of the whole, the first one at its start.
      value = concat.getParts().front();
    } else if (auto constant = dyn_cast<ConstantOp>(op)) {
      auto found = llvm::find(constants_, constant);
      return {BufferRef::Space::Constant, found - constants_.begin(), offset};
    } else {
      BufferRef ref = lookupStored(cast<OpResult>(value));
      ref.byteOffset += offset;
      return ref;
    }
  }
}

BufferRef BufferAssignment::lookupStored(OpResult result) const {
  auto kernel = cast<KernelOp>(result.getOwner());
  const unsigned number = result.getResultNumber();
  if (std::optional<ArrayRef<int64_t>> offsets = kernel.getOffsets())
    if (number < offsets->size() && (*offsets)[number] >= 0)
      return {BufferRef::Space::Arena, 0, (*offsets)[number]};
  if (auto arguments = kernel->getAttrOfType<DenseI64ArrayAttr>(kArgumentsAttr))
    if (arguments[number] >= 0)
      return {BufferRef::Space::Argument, arguments[number], 0};
  // Down through what it is renamed to or part of, until the return.
  SmallVector<std::pair<Value, int64_t>> work = {{result, 0}};
  while (!work.empty()) {
    auto [value, offset] = work.pop_back_val();
    for (OpOperand &use : value.getUses()) {
      if (isa<func::ReturnOp>(use.getOwner()))
        return {BufferRef::Space::Result, use.getOperandNumber(), offset};
      if (auto reshape = dyn_cast<ReshapeOp>(use.getOwner()))
        work.push_back({reshape.getY(), offset});
      else if (auto slice = dyn_cast<SliceOp>(use.getOwner());
               slice && slice.getX().getType() == slice.getY().getType())
        work.push_back({slice.getY(), offset}); // of everything: one more name
      else if (auto concat = dyn_cast<ConcatOp>(use.getOwner()))
        work.push_back({concat.getY(),
                        offset + leadingConcatOffset(concat, use.getOperandNumber()).value_or(0)});
    }
  }
  llvm_unreachable("kernel result without a place; has heddle-plan-memory run?");
}

int64_t BufferAssignment::aliasedArgument(unsigned index) const {
  func::FuncOp function = function_;
  auto terminator = cast<func::ReturnOp>(function.getBody().front().getTerminator());
  BufferRef ref = lookup(terminator.getOperand(index));
  return ref.space == BufferRef::Space::Argument ? ref.index : -1;
}

} // namespace heddle::ir
