// SPDX-License-Identifier: Apache-2.0
// Generates kernels of the form gemm.

#ifndef HEDDLE_CODEGEN_CPU_GEMM_H
#define HEDDLE_CODEGEN_CPU_GEMM_H

#include <string>

#include "codegen/cpu/GeneratedKernel.h"
#include "codegen/cpu/Target.h"
#include "ir/Dialect.h"

namespace heddle::codegen {

/// A kernel of KernelForm::Gemm (ir/KernelForms.h): any of the four transposes, operands through
/// strided views, batches, elementwise epilogues. The kernel's context must have the dialects of
/// loadKernelDialects. On failure `reason` says what is not covered.
mlir::FailureOr<GeneratedKernel> generateGemm(ir::KernelOp kernel, const Target &target,
                                              std::string *reason);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_GEMM_H
