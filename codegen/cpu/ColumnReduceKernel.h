// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_CODEGEN_CPU_COLUMNREDUCEKERNEL_H
#define HEDDLE_CODEGEN_CPU_COLUMNREDUCEKERNEL_H

#include <string>

#include "codegen/cpu/GeneratedKernel.h"
#include "codegen/cpu/Target.h"
#include "ir/Dialect.h"

namespace heddle::codegen {

/// A kernel of KernelForm::ColumnReduce around `anchor`: sums over leading axes. A task is a block
/// of columns, which runs over all rows in order. On failure `reason` says what is not covered.
mlir::FailureOr<GeneratedKernel> generateColumnReduce(ir::KernelOp kernel, mlir::Operation *anchor,
                                                      const Target &target, std::string *reason);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_COLUMNREDUCEKERNEL_H
