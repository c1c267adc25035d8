// SPDX-License-Identifier: Apache-2.0
// The elementwise ops of the dialect on vectors: what maps, rows, reductions and the epilogue of a
// gemm have in common.

#ifndef HEDDLE_CODEGEN_CPU_ELEMENTWISEEMITTER_H
#define HEDDLE_CODEGEN_CPU_ELEMENTWISEEMITTER_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace heddle::codegen {

/// The state of the random numbers as i32 scalars: seed low and high, micro_batch << 16, step.
struct RngWords {
  mlir::Value keyLow, keyHigh, microBatch, step;
};

/// Reads `rng`, a memref<3xi64>. Emit it once, outside of loops.
RngWords loadRngWords(mlir::ImplicitLocOpBuilder &b, mlir::Value rng);

/// What an op must know of its lanes besides their values.
struct LaneContext {
  int64_t lanes = 0;
  /// Whether the target has a fused multiply-add.
  bool fma = false;
  /// Of lane 0: its linear index in the logical tensor of the op's result, of type index; the other
  /// lanes follow in steps of `elementStride` (1; 0 where the result is broadcast along the lanes).
  /// Dropout alone needs this and `rng`; null elsewhere.
  mlir::Value firstElement;
  int64_t elementStride = 1;
  RngWords rng;
};

/// Emits one op with ElementwiseTrait, or dropout, at the builder's insertion point. `lanes` holds
/// a 1-D vector of context.lanes elements per operand: f32, i32, i64 or i1 (not the byte of
/// memory); dropout reads the first only. Gives NaN and infinity where the op gives them, and never
/// calls a function. Fails on an op or element type that has no code here, without a diagnostic.
mlir::FailureOr<mlir::Value> emitElementwise(mlir::ImplicitLocOpBuilder &b, mlir::Operation *op,
                                             mlir::ValueRange lanes, const LaneContext &context);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_ELEMENTWISEEMITTER_H
