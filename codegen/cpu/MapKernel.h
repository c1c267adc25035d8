// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_CODEGEN_CPU_MAPKERNEL_H
#define HEDDLE_CODEGEN_CPU_MAPKERNEL_H

#include <string>

#include "codegen/cpu/GeneratedKernel.h"
#include "codegen/cpu/Target.h"
#include "ir/Dialect.h"

namespace heddle::codegen {

/// A kernel of KernelForm::Map: one pass over memory, a task is a block of rows or a piece of a
/// row. On failure `reason` says what is not covered.
mlir::FailureOr<GeneratedKernel> generateMap(ir::KernelOp kernel, const Target &target,
                                             std::string *reason);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_MAPKERNEL_H
