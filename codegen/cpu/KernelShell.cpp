// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/KernelShell.h"

using namespace mlir;

namespace heddle::codegen {

MemRefType bufferType(Type tensor) {
  auto type = cast<RankedTensorType>(tensor);
  Type element = type.getElementType();
  if (element.isInteger(1))
    element = IntegerType::get(type.getContext(), 8);
  return MemRefType::get({type.getNumElements()}, element);
}

SmallVector<Type> operandBufferTypes(ir::KernelOp kernel) {
  SmallVector<Type> types;
  for (Type type : kernel->getOperandTypes())
    types.push_back(bufferType(type));
  for (Type type : kernel->getResultTypes())
    types.push_back(bufferType(type));
  return types;
}

MemRefType ScratchLayout::type(ImplicitLocOpBuilder &b) const {
  return MemRefType::get({std::max<int64_t>(size_, 1)}, b.getF32Type());
}

void emitEntry(ImplicitLocOpBuilder &b, StringRef name, ArrayRef<Type> operands, MemRefType scratch,
               const std::function<void(const EntryArguments &)> &body) {
  OpBuilder::InsertionGuard guard(b);
  SmallVector<Type> types(operands);
  types.append({b.getIndexType(), b.getIndexType(), scratch});
  auto function = func::FuncOp::create(b, name, b.getFunctionType(types, {}));
  Block *block = function.addEntryBlock();
  b.setInsertionPointToStart(block);
  size_t count = operands.size();
  EntryArguments arguments;
  for (size_t i = 0; i < count; ++i)
    arguments.operands.push_back(block->getArgument(i));
  arguments.begin = block->getArgument(count);
  arguments.end = block->getArgument(count + 1);
  arguments.scratch = block->getArgument(count + 2);
  body(arguments);
  func::ReturnOp::create(b);
}

} // namespace heddle::codegen
