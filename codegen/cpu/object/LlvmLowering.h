// SPDX-License-Identifier: Apache-2.0
// From a generated kernel (vector, scf, memref, arith) to LLVM IR with the calling convention of
// runtime/KernelAbi.h.

#ifndef HEDDLE_CODEGEN_CPU_OBJECT_LLVMLOWERING_H
#define HEDDLE_CODEGEN_CPU_OBJECT_LLVMLOWERING_H

#include <memory>
#include <string>

#include "runtime/base/Status.h"

namespace llvm {
class LLVMContext;
class Module;
} // namespace llvm
namespace mlir {
class MLIRContext;
class DialectRegistry;
class ModuleOp;
} // namespace mlir

namespace heddle::codegen {

/// Makes every dialect that kernels are written in, and its translation to LLVM IR, known to the
/// context. Call once per context before generating kernels in it.
void loadKernelDialects(mlir::MLIRContext &context);

/// Lowers `module` in place to the LLVM dialect. An error names the pass that failed and holds
/// MLIR's diagnostics.
Status lowerToLlvmDialect(mlir::ModuleOp module);

/// Translates a module that lowerToLlvmDialect produced. The function `entry` gets a wrapper
/// `symbol`, the module's only exported function, that takes the operands as an array of pointers;
/// everything else becomes internal.
StatusOr<std::unique_ptr<llvm::Module>> translateToLlvmIr(mlir::ModuleOp module,
                                                          const std::string &entry,
                                                          const std::string &symbol,
                                                          llvm::LLVMContext &llvmContext);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_OBJECT_LLVMLOWERING_H
