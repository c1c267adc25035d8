// SPDX-License-Identifier: Apache-2.0
// A kernel as text: what makes two kernels the same, what workers parse, what the cache hashes.

#ifndef HEDDLE_CODEGEN_KERNELTEXT_H
#define HEDDLE_CODEGEN_KERNELTEXT_H

#include <string>

#include "mlir/IR/OwningOpRef.h"

#include "runtime/base/Status.h"

namespace mlir {
class MLIRContext;
class ModuleOp;
} // namespace mlir

namespace heddle::ir {
class KernelOp;
} // namespace heddle::ir

namespace heddle::codegen {

/// A module with one function that holds just this kernel, without locations and buffer offsets.
/// Kernels that compute the same on the same shapes have the same text, whatever their layer.
std::string kernelText(ir::KernelOp kernel);

/// The same for `heddle compile`, which goes on behind the stage that formed the kernel.
std::string kernelReproducer(const std::string &kernelText);

/// The module back from its text.
StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> parseKernelText(const std::string &text,
                                                            mlir::MLIRContext &context);

/// The kernel of a module that parseKernelText returned.
ir::KernelOp kernelOf(mlir::ModuleOp module);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_KERNELTEXT_H
