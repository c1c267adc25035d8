// SPDX-License-Identifier: Apache-2.0
// What a gemm kernel computes, read off its body, and how the work is cut. Plain data, no code
// generation.

#ifndef HEDDLE_CODEGEN_CPU_GEMMPROBLEM_H
#define HEDDLE_CODEGEN_CPU_GEMMPROBLEM_H

#include <string>

#include "codegen/cpu/Target.h"
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

enum class GemmMode {
  PackB,   // a panel of B is copied to scratch, all rows run over it
  DirectB, // few rows: B is read in place
  PackA,   // A lies in columns far apart: blocks of it are copied, B is read in place
  Dot,     // few rows and B transposed: dot products along k
};

/// How a problem is cut into tiles and tasks. Rows are split evenly: the first `longTiles` tiles
/// have one row more than `tileRows`.
struct GemmBlocking {
  GemmMode mode = GemmMode::PackB;
  int vectors = 0;        // of a panel
  int64_t panelWidth = 0; // columns
  int64_t panels = 0;
  int64_t tailColumns = 0; // of the last panel; panelWidth when it is full
  int64_t tiles = 0, tileRows = 0, longTiles = 0;
  int64_t depthBlock = 0;    // k per pass; the whole of k in one pass when it is at least k
  int64_t tilesPerBlock = 0; // tiles of a task
  int64_t blocks = 0;
  int64_t panelsPerTask = 1; // a group; more than one with PackA and with k in passes
  int dotColumns = 0;
  /// With DirectB, where nothing but reading B takes time: all panels that a task range has of a
  /// batch entry advance through k together, this much at a time. 0: one panel after the other.
  int64_t streamSlice = 0;
  /// With Dot: ask for the next columns early.
  bool prefetchDots = false;

  int64_t maxTileRows() const { return tileRows + (longTiles ? 1 : 0); }
  int64_t panelGroups() const { return (panels + panelsPerTask - 1) / panelsPerTask; }
  bool streamed() const { return streamSlice > 0; }
  bool depthIsBlocked(const GemmProblem &problem) const { return depthBlock < problem.k; }
};

GemmBlocking chooseBlocking(const GemmProblem &problem, const Target &target);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_GEMMPROBLEM_H
