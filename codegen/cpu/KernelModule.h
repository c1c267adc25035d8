// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_CODEGEN_CPU_KERNELMODULE_H
#define HEDDLE_CODEGEN_CPU_KERNELMODULE_H

#include "codegen/body/KernelWork.h"
#include "codegen/cpu/KernelShell.h"

namespace heddle::codegen {

/// The module that one kernel is generated into.
class KernelModule {
public:
  explicit KernelModule(ir::KernelOp kernel);

  /// Stands at the end of the module.
  mlir::ImplicitLocOpBuilder &builder() { return b_; }
  /// Call once, at the end.
  GeneratedKernel finish(llvm::StringRef entry, int64_t tasks, int64_t scratchBytes, double flops);

private:
  ir::KernelOp kernel_;
  mlir::OwningOpRef<mlir::ModuleOp> module_;
  mlir::ImplicitLocOpBuilder b_;
};

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_KERNELMODULE_H
