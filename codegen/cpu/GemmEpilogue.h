// SPDX-License-Identifier: Apache-2.0
// What happens to a gemm's sums before they reach memory: the elementwise ops around the matmul,
// over rows of a tile that the micro-kernel has left in scratch.

#ifndef HEDDLE_CODEGEN_CPU_GEMMEPILOGUE_H
#define HEDDLE_CODEGEN_CPU_GEMMEPILOGUE_H

#include "codegen/cpu/GemmBlocking.h"
#include "codegen/cpu/IrHelpers.h"

namespace heddle::codegen {

/// Whether the kernel yields the matmul's result alone, in its own order: then micro-kernels may
/// store straight to the output.
bool isPlainGemm(ir::KernelOp kernel, ir::MatmulOp matmul);

/// Layout of the sums: element (row, column) of a block of rows x width columns at
/// offset + row * width + column of scratch.
struct EpilogueSpec {
  std::string name;
  llvm::SmallVector<mlir::Type> operands; // the kernel's operands as buffers, inputs then outputs
  mlir::MemRefType scratch;
  int64_t width = 0;
};

/// (operands..., scratch, offset, firstRow, rows, firstColumn, columns) -> (): applies the kernel's
/// ops to rows [firstRow, firstRow + rows) (all leading axes and M taken as one) and columns
/// [firstColumn, firstColumn + columns) and stores what the kernel yields. Fails with a reason on
/// an op or operand that has no place in an epilogue.
mlir::FailureOr<mlir::func::FuncOp> emitEpilogue(mlir::ImplicitLocOpBuilder &b,
                                                 const Target &target, ir::KernelOp kernel,
                                                 const GemmProblem &problem,
                                                 const EpilogueSpec &spec, std::string *reason);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_GEMMEPILOGUE_H
