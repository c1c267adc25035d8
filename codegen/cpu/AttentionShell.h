// SPDX-License-Identifier: Apache-2.0
// What the writers of attention and attention_grad share: functions that see all operands and the
// scratch, panels of k and v.

#ifndef HEDDLE_CODEGEN_CPU_ATTENTIONSHELL_H
#define HEDDLE_CODEGEN_CPU_ATTENTIONSHELL_H

#include "codegen/cpu/AttentionParts.h"
#include "codegen/cpu/KernelShell.h"

namespace heddle::codegen {

class AttentionShell {
public:
  /// The arguments must outlive the object.
  AttentionShell(mlir::ImplicitLocOpBuilder &b, const Target &target, ir::KernelOp kernel,
                 const AttentionProblem &problem);

  int64_t scratchBytes() const { return scratch_.bytes(); }

protected:
  mlir::Value index(int64_t value) { return constantIndex(b_, value); }
  /// An offset in a region of scratch.
  mlir::Value at(int64_t region, mlir::Value offset) { return addIndex(b_, offset, region); }

  /// A private function of all operands, the scratch and `count` indices. While `body` runs,
  /// operands_ and memory_ are the function's own.
  mlir::func::FuncOp
  emitFunction(llvm::StringRef name, int count,
               const std::function<void(mlir::Block::BlockArgListType indices)> &body);
  void callFunction(mlir::func::FuncOp function, llvm::ArrayRef<mlir::Value> indices);
  /// The kernel's entry; `body` gets the range of tasks.
  void emitKernelEntry(llvm::StringRef name,
                       const std::function<void(mlir::Value begin, mlir::Value end)> &body);

  /// Packs k or v of a group: panel after panel of width_ keys, transposed.
  struct Packer {
    mlir::func::FuncOp whole, tail;
  };
  Packer emitPacker(llvm::StringRef name, const HeadsView &view);
  /// `offset` is the group's in the operand, `size` that of a head.
  void pack(const Packer &packer, const HeadsView &view, mlir::Value offset, int64_t region,
            int64_t size);

  mlir::ImplicitLocOpBuilder &b_;
  const Target &target_;
  const AttentionProblem &p_;
  int64_t lanes_;
  RegisterTile tile_;
  int64_t width_;             // keys of a panel
  int64_t qStride_, oStride_; // of rows in scratch: whole vectors
  llvm::SmallVector<mlir::Type> operandTypes_;
  ScratchLayout scratch_; // complete before the first function
  // Of the function being written.
  llvm::SmallVector<mlir::Value> operands_;
  mlir::Value memory_;
};

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_ATTENTIONSHELL_H
