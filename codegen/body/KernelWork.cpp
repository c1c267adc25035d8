// SPDX-License-Identifier: Apache-2.0
#include "codegen/body/KernelWork.h"

#include "codegen/body/AttentionProblem.h"
#include "codegen/body/GemmProblem.h"
#include "ir/KernelForms.h"

using namespace mlir;

namespace heddle::codegen {

double operandBytes(ir::KernelOp kernel) {
  double bytes = 0;
  auto add = [&](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    // A mask has a byte each.
    unsigned bits = std::max(8u, tensor.getElementTypeBitWidth());
    bytes += static_cast<double>(tensor.getNumElements()) * bits / 8;
  };
  llvm::for_each(kernel->getOperandTypes(), add);
  llvm::for_each(kernel->getResultTypes(), add);
  return bytes;
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

double kernelFlops(ir::KernelOp kernel) {
  std::optional<ir::KernelAnatomy> anatomy = ir::classifyKernel(kernel);
  if (anatomy && anatomy->form == ir::KernelForm::Gemm) {
    if (FailureOr<GemmProblem> p = matchGemm(kernel, nullptr); succeeded(p))
      return 2.0 * static_cast<double>(p->batch()) * p->m * p->n * p->k;
  } else if (anatomy && anatomy->form == ir::KernelForm::Attention) {
    if (FailureOr<AttentionProblem> p = matchAttention(kernel, nullptr); succeeded(p))
      return 2 * p->flopsOfOneProduct();
  } else if (anatomy && anatomy->form == ir::KernelForm::AttentionGrad) {
    if (FailureOr<AttentionProblem> p = matchAttentionGrad(kernel, nullptr); succeeded(p))
      return 5 * p->flopsOfOneProduct();
  }
  return elementwiseFlops(kernel);
}

} // namespace heddle::codegen
