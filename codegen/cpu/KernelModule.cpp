// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/KernelModule.h"

using namespace mlir;

namespace heddle::codegen {

KernelModule::KernelModule(ir::KernelOp kernel)
    : kernel_(kernel), module_(ModuleOp::create(UnknownLoc::get(kernel.getContext()))),
      b_(UnknownLoc::get(kernel.getContext()), kernel.getContext()) {
  b_.setInsertionPointToEnd(module_->getBody());
}

GeneratedKernel KernelModule::finish(StringRef entry, int64_t tasks, int64_t scratchBytes,
                                     double flops) {
  GeneratedKernel result;
  result.module = std::move(module_);
  result.entry = entry.str();
  result.tasks = tasks;
  result.scratchBytes = scratchBytes;
  result.flops = flops;
  result.bytes = operandBytes(kernel_);
  return result;
}

} // namespace heddle::codegen
