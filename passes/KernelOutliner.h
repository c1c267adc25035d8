// SPDX-License-Identifier: Apache-2.0
// Turns clusters of ops into heddle.kernel ops.

#ifndef HEDDLE_PASSES_KERNELOUTLINER_H
#define HEDDLE_PASSES_KERNELOUTLINER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Clusters.h"

namespace heddle::passes {

/// Rewrites the body of `function` so that it holds a kernel per cluster, in dependency order,
/// contiguous aliases between them, constants that are no splats, and the return. Views that are
/// one strided access go into the kernels that read them; others become copy kernels; a splat
/// constant that is returned or joined becomes a fill kernel. Uses up `clusters`. Fails with an
/// error at a kernel that has no legal form, which is a bug of whoever made the clusters.
llvm::LogicalResult outlineKernels(mlir::func::FuncOp function, const Clusters &clusters);

} // namespace heddle::passes

#endif // HEDDLE_PASSES_KERNELOUTLINER_H
