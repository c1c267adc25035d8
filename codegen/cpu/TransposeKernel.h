// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_CODEGEN_CPU_TRANSPOSEKERNEL_H
#define HEDDLE_CODEGEN_CPU_TRANSPOSEKERNEL_H

#include <optional>

#include "codegen/cpu/GeneratedKernel.h"
#include "codegen/cpu/Target.h"
#include "ir/Dialect.h"

namespace heddle::codegen {

/// A map kernel that only copies one view in which another axis than the last is contiguous: by
/// square tiles that are transposed in registers, so that reads and writes are both whole vectors.
/// Nothing where the kernel is no such copy.
std::optional<GeneratedKernel> generateTranspose(ir::KernelOp kernel, const Target &target);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_TRANSPOSEKERNEL_H
