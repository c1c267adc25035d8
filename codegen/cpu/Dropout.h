// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_CODEGEN_CPU_DROPOUT_H
#define HEDDLE_CODEGEN_CPU_DROPOUT_H

#include "codegen/cpu/ElementwiseEmitter.h"

namespace heddle::codegen {

/// Which of the elements e (a vector of i64) heddle.dropout keeps, as a vector of i1, bit for bit
/// as runtime/plan/Philox.h has it.
mlir::Value emitDropoutKeep(mlir::ImplicitLocOpBuilder &b, mlir::Value elements,
                            const RngWords &rng, double p, int64_t rngId);

/// first, first + stride, ... as a vector of i64; `first` is an index.
mlir::Value emitElementNumbers(mlir::ImplicitLocOpBuilder &b, int64_t lanes, mlir::Value first,
                               int64_t stride);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_DROPOUT_H
