// SPDX-License-Identifier: Apache-2.0
// The inner loops of every matrix kernel: a tile of rows x vectors of accumulators in registers,
// updated by one rank-1 step per k.

#ifndef HEDDLE_CODEGEN_CPU_MICROKERNEL_H
#define HEDDLE_CODEGEN_CPU_MICROKERNEL_H

#include "codegen/cpu/IrHelpers.h"
#include "codegen/cpu/Target.h"

namespace heddle::codegen {

/// Element (row, k) of A is at offset + row * rowStride + k * kStride: rows, columns, and any other
/// strided matrix alike.
struct TileA {
  mlir::Value buffer;
  mlir::Value offset;
  int64_t rowStride = 0;
  int64_t kStride = 1;
};

/// Element (k, column) of B is at offset + k * kStride + column. `tailLanes` (0: all) of the last
/// vector may be read.
struct TileB {
  mlir::Value buffer;
  mlir::Value offset;
  int64_t kStride = 0;
  int64_t tailLanes = 0;
  int64_t prefetchRows = 0; // prefetch B this many k ahead; 0: leave it to the hardware
};

/// The loop over k in [0, depth). Returns the accumulators, row by row; `initial` are their first
/// values (empty: zeros). Each A element is broadcast right before the FMAs that use it, from a
/// register that feeds every vector of the tile: the form that neither spills nor folds into
/// {1to16} operands (spike_cpu_zen5.md, section 4).
mlir::SmallVector<mlir::Value> emitTileLoop(mlir::ImplicitLocOpBuilder &b, const Target &target,
                                            RegisterTile tile, const TileA &a, const TileB &bSide,
                                            mlir::Value depth, mlir::ValueRange initial = {});

/// A tile as a function: C[row, column] (+)= sum over k, at cOffset + row * cRowStride + column.
struct MicroKernelSpec {
  std::string name;
  RegisterTile tile;
  mlir::MemRefType a, b, c;
  int64_t aRowStride = 0, aKStride = 1;
  int64_t bKStride = 0;
  int64_t cRowStride = 0;
  int64_t bTailLanes = 0, cTailLanes = 0; // of the last vector, 0: all
  int64_t prefetchRows = 0;
  bool accumulate = false; // start from C instead of zero
};

/// (a, b, c, aOffset, bOffset, cOffset, depth) -> ().
mlir::func::FuncOp emitMicroKernel(mlir::ImplicitLocOpBuilder &b, const Target &target,
                                   const MicroKernelSpec &spec);

/// A tile of dot products along k: both A's rows and B's rows are contiguous in k. For few rows,
/// where transposing B would cost more than the products.
struct DotKernelSpec {
  std::string name;
  int rows = 0;    // of A
  int columns = 0; // rows of B
  mlir::MemRefType a, b, c;
  int64_t aRowStride = 0;
  int64_t bRowStride = 0;
  int64_t cRowStride = 0;
  int64_t depth = 0;
  int64_t lastColumn = 0; // columns beyond it read this one again
  bool prefetch = false;  // the next tile's columns: for B that comes from memory
};

/// (a, b, c, aOffset, bOffset, cOffset, firstColumn) -> (). bOffset is that of column 0.
mlir::func::FuncOp emitDotKernel(mlir::ImplicitLocOpBuilder &b, const Target &target,
                                 const DotKernelSpec &spec);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_MICROKERNEL_H
