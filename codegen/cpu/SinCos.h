// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_CODEGEN_CPU_SINCOS_H
#define HEDDLE_CODEGEN_CPU_SINCOS_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace heddle::codegen {

struct SinCos {
  mlir::Value sine, cosine;
};

/// Of a vector of f64 angles, |angle| < 2^20, to 1e-10: enough for any f32 that they are rounded
/// to.
SinCos emitSinCos(mlir::ImplicitLocOpBuilder &b, mlir::Value angle);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_SINCOS_H
