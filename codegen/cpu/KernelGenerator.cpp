// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/KernelGenerator.h"

#include "codegen/cpu/Attention.h"
#include "codegen/cpu/ColumnReduceKernel.h"
#include "codegen/cpu/Gemm.h"
#include "codegen/cpu/MapKernel.h"
#include "codegen/cpu/RowKernel.h"
#include "codegen/cpu/SingleOps.h"
#include "ir/Dialect.h"
#include "ir/KernelForms.h"

using namespace mlir;

namespace heddle::codegen {

FailureOr<GeneratedKernel> generateKernel(ir::KernelOp kernel, const Target &target,
                                          std::string *reason) {
  std::string ignored;
  if (!reason)
    reason = &ignored;
  std::optional<ir::KernelAnatomy> anatomy = ir::classifyKernel(kernel, reason);
  if (!anatomy)
    return failure();
  switch (anatomy->form) {
  case ir::KernelForm::Gemm:
    return generateGemm(kernel, target, reason);
  case ir::KernelForm::Attention:
    return generateAttention(kernel, target, reason);
  case ir::KernelForm::AttentionGrad:
    return generateAttentionGrad(kernel, target, reason);
  case ir::KernelForm::Map:
    return generateMap(kernel, target, reason);
  case ir::KernelForm::Row:
    return generateRow(kernel, anatomy->anchor, target, reason);
  case ir::KernelForm::ColumnReduce:
    return generateColumnReduce(kernel, anatomy->anchor, target, reason);
  case ir::KernelForm::Single:
    return generateSingle(kernel, anatomy->anchor, target, reason);
  }
  llvm_unreachable("unknown form");
}

} // namespace heddle::codegen
