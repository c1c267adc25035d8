// SPDX-License-Identifier: Apache-2.0
// The frame that the matrix kernels share: operand buffers, scratch regions, the entry's loop over
// its tasks.

#ifndef HEDDLE_CODEGEN_CPU_KERNELSHELL_H
#define HEDDLE_CODEGEN_CPU_KERNELSHELL_H

#include "codegen/body/KernelWork.h"
#include "codegen/cpu/GeneratedKernel.h"
#include "codegen/cpu/IrHelpers.h"
#include "ir/Dialect.h"

namespace heddle::codegen {

/// Of a task that goes over elements: long enough to drown its own cost, short enough for many
/// threads.
inline constexpr int64_t kTaskElements = 4096;

/// The buffer type of a tensor: flat, i1 as i8.
mlir::MemRefType bufferType(mlir::Type tensor);
/// The buffers of a kernel's operands: inputs, then outputs.
llvm::SmallVector<mlir::Type> operandBufferTypes(ir::KernelOp kernel);

/// Hands out regions of a thread's scratch, in f32 elements, each aligned to 64 bytes.
class ScratchLayout {
public:
  int64_t take(int64_t elements) {
    int64_t offset = size_;
    size_ += (elements + 15) / 16 * 16;
    return offset;
  }
  int64_t elements() const { return size_; }
  int64_t bytes() const { return size_ * 4; }
  mlir::MemRefType type(mlir::ImplicitLocOpBuilder &b) const;

private:
  int64_t size_ = 0;
};

/// What the entry function's body gets to see.
struct EntryArguments {
  llvm::SmallVector<mlir::Value> operands;
  mlir::Value begin, end, scratch;
};

/// The public function @<name> of a generated kernel.
void emitEntry(mlir::ImplicitLocOpBuilder &b, llvm::StringRef name,
               llvm::ArrayRef<mlir::Type> operands, mlir::MemRefType scratch,
               const std::function<void(const EntryArguments &)> &body);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_KERNELSHELL_H
