// SPDX-License-Identifier: Apache-2.0
// What a gemm kernel computes, read off its body. Plain data, no code generation.

#ifndef HEDDLE_CODEGEN_BODY_GEMMPROBLEM_H
#define HEDDLE_CODEGEN_BODY_GEMMPROBLEM_H

#include <string>

#include "ir/Dialect.h"
#include "llvm/ADT/SmallVector.h"

namespace heddle::codegen {

/// y[batch..., m, n] = sum over k of A[batch..., m, k] * B[batch..., k, n], y dense.
struct GemmProblem {
  /// Outermost first; neighbouring axes that nest in both operands are merged.
  struct BatchAxis {
    int64_t size = 1, aStride = 0, bStride = 0;
  };
  /// A block argument and the strides of an element in its buffer.
  struct Operand {
    unsigned argument = 0;
    int64_t offset = 0;
    int64_t kStride = 0;
    int64_t otherStride = 0; // rows of A, columns of B
  };
  llvm::SmallVector<BatchAxis> batchAxes;
  int64_t m = 0, n = 0, k = 0;
  Operand a, b;
  ir::MatmulOp matmul;

  int64_t batch() const;
};

/// Reads the one matmul of `kernel`. Fails with a reason when its operands are not strided windows
/// on block arguments or not f32.
mlir::FailureOr<GemmProblem> matchGemm(ir::KernelOp kernel, std::string *reason);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_BODY_GEMMPROBLEM_H
