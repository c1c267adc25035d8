// SPDX-License-Identifier: Apache-2.0
// The entrance to CPU code generation.

#ifndef HEDDLE_CODEGEN_CPU_KERNELGENERATOR_H
#define HEDDLE_CODEGEN_CPU_KERNELGENERATOR_H

#include <string>

#include "codegen/cpu/GeneratedKernel.h"
#include "codegen/cpu/Target.h"

namespace heddle::ir {
class KernelOp;
} // namespace heddle::ir

namespace heddle::codegen {

/// Generates the code of any legal kernel (ir/KernelForms.h). The kernel's context must have gone
/// through loadKernelDialects; threads may generate at the same time in contexts of their own.
/// Nothing is reported on failure: `reason` (may be null) says what is not covered, in a form that
/// follows the kernel's name.
mlir::FailureOr<GeneratedKernel> generateKernel(ir::KernelOp kernel, const Target &target,
                                                std::string *reason);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_KERNELGENERATOR_H
