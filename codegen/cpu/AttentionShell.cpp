// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/AttentionShell.h"

#include "codegen/cpu/Pack.h"

using namespace mlir;

namespace heddle::codegen {

AttentionShell::AttentionShell(ImplicitLocOpBuilder &b, const Target &target, ir::KernelOp kernel,
                               const AttentionProblem &problem)
    : b_(b), target_(target), p_(problem), lanes_(target.lanes()), tile_(target.attentionTile()),
      width_(tile_.vectors * lanes_), qStride_(roundUp(problem.headSize, lanes_)),
      oStride_(roundUp(problem.valueSize, lanes_)), operandTypes_(operandBufferTypes(kernel)) {}

func::FuncOp
AttentionShell::emitFunction(StringRef name, int count,
                             const std::function<void(Block::BlockArgListType)> &body) {
  SmallVector<Type> types(operandTypes_);
  types.push_back(scratch_.type(b_));
  types.append(count, b_.getIndexType());
  return privateFunction(b_, name, types, [&](Block::BlockArgListType args) {
    operands_.assign(args.begin(), args.begin() + operandTypes_.size());
    memory_ = args[operandTypes_.size()];
    body(args.drop_front(operandTypes_.size() + 1));
  });
}

void AttentionShell::callFunction(func::FuncOp function, ArrayRef<Value> indices) {
  SmallVector<Value> arguments(operands_);
  arguments.push_back(memory_);
  arguments.append(indices.begin(), indices.end());
  call(b_, function, arguments);
}

void AttentionShell::emitKernelEntry(StringRef name,
                                     const std::function<void(Value, Value)> &body) {
  emitEntry(b_, name, operandTypes_, scratch_.type(b_), [&](const EntryArguments &arguments) {
    operands_ = arguments.operands;
    memory_ = arguments.scratch;
    body(arguments.begin, arguments.end);
  });
}

AttentionShell::Packer AttentionShell::emitPacker(StringRef name, const HeadsView &view) {
  Packer packer;
  auto emit = [&](const std::string &suffix, int64_t columns) {
    return emitPackPanel(b_, target_,
                         {name.str() + suffix, cast<MemRefType>(operandTypes_[view.operand]),
                          scratch_.type(b_), view.column, view.row, columns, width_});
  };
  if (p_.keys >= width_)
    packer.whole = emit("", width_);
  if (p_.keys % width_)
    packer.tail = emit("_tail", p_.keys % width_);
  return packer;
}

void AttentionShell::pack(const Packer &packer, const HeadsView &view, Value offset, int64_t region,
                          int64_t size) {
  auto panel = [&](func::FuncOp function, Value number) {
    call(b_, function,
         {operands_[view.operand], memory_,
          addIndex(b_, offset, mulIndex(b_, number, width_ * view.row)),
          at(region, mulIndex(b_, number, width_ * size)), index(size)});
  };
  int64_t whole = p_.keys / width_;
  if (packer.whole)
    forLoop(b_, index(0), index(whole), 1, [&](Value number) { panel(packer.whole, number); });
  if (packer.tail)
    panel(packer.tail, index(whole));
}

} // namespace heddle::codegen
