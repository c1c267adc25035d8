// SPDX-License-Identifier: Apache-2.0
// From a planned function (kernels over arena offsets) to the plan that the runtime executes.

#ifndef HEDDLE_CODEGEN_PLANWRITER_H
#define HEDDLE_CODEGEN_PLANWRITER_H

#include "codegen/KernelCompiler.h"
#include "runtime/Executable.pb.h"
#include "runtime/base/Status.h"

namespace mlir {
namespace func {
class FuncOp;
} // namespace func
} // namespace mlir

namespace heddle::codegen {

/// Writes the plan of one entry. `function` has been through plan-memory; `kernels` holds each of
/// its kernels. An op that is neither a kernel nor a contiguous alias is an internal error by name.
StatusOr<runtime::proto::Plan> writePlan(mlir::func::FuncOp function,
                                         const CompiledKernels &kernels);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_PLANWRITER_H
