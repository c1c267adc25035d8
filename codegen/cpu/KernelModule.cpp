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

double elementwiseFlops(ir::KernelOp kernel) {
  double flops = 0;
  for (Operation &op : kernel.getBody().front().without_terminator())
    if (!op.hasTrait<ir::ViewTrait>() && !isa<ir::ConstantOp>(op)) {
      int64_t most = 0;
      for (Type type : op.getOperandTypes())
        most = std::max(most, cast<RankedTensorType>(type).getNumElements());
      flops += static_cast<double>(most);
    }
  return flops;
}

} // namespace heddle::codegen
