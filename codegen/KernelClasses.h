// SPDX-License-Identifier: Apache-2.0
// Which kernels of a module are the same function.

#ifndef HEDDLE_CODEGEN_KERNELCLASSES_H
#define HEDDLE_CODEGEN_KERNELCLASSES_H

#include <cstddef>
#include <vector>

#include "ir/Dialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseMap.h"

namespace heddle::codegen {

/// Sorts the kernels of a module into classes of equal ones, without printing them: a model of 96
/// equal layers has thousands of kernels in some dozens of classes. The kernels of one class
/// compute the same on the same shapes. Holds for as long as the module stays as it is.
class KernelClasses {
public:
  KernelClasses() = default;
  explicit KernelClasses(mlir::ModuleOp module);

  /// 0, 1, 2, ... in the order in which the classes turned up; `kernel` is the module's.
  size_t classOf(ir::KernelOp kernel) const { return classes_.at(kernel); }

  /// The first kernel of each class.
  const std::vector<ir::KernelOp> &firsts() const { return firsts_; }

private:
  llvm::DenseMap<mlir::Operation *, size_t> classes_;
  std::vector<ir::KernelOp> firsts_;
};

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_KERNELCLASSES_H
