// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_CODEGEN_CPU_ROWKERNEL_H
#define HEDDLE_CODEGEN_CPU_ROWKERNEL_H

#include <string>

#include "codegen/cpu/GeneratedKernel.h"
#include "codegen/cpu/Target.h"
#include "ir/Dialect.h"

namespace heddle::codegen {

/// A kernel of KernelForm::Row around `anchor`: a task is a row or a few. Values that the anchor
/// reads in several passes are computed once and kept in scratch; outputs are written in the last
/// pass only, so that each may replace an input. On failure `reason` says what is not covered.
mlir::FailureOr<GeneratedKernel> generateRow(ir::KernelOp kernel, mlir::Operation *anchor,
                                             const Target &target, std::string *reason);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_ROWKERNEL_H
