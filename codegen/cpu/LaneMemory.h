// SPDX-License-Identifier: Apache-2.0
// Memory access beyond whole vectors: strided reads and tables of constants.

#ifndef HEDDLE_CODEGEN_CPU_LANEMEMORY_H
#define HEDDLE_CODEGEN_CPU_LANEMEMORY_H

#include "codegen/cpu/IrHelpers.h"
#include "ir/Dialect.h"

namespace heddle::codegen {

/// 0, 1, ... as a vector of i32, times `stride`.
mlir::Value laneNumbers(mlir::ImplicitLocOpBuilder &b, int64_t lanes, int64_t stride = 1);

/// buffer[offset + i * stride] for each lane; lanes that `mask` (may be null) leaves out are zero.
mlir::Value gatherVector(mlir::ImplicitLocOpBuilder &b, int64_t lanes, mlir::Value buffer,
                         mlir::Value offset, int64_t stride, mlir::Value mask = {});

/// A read-only flat buffer with these elements, in the object's constant data.
mlir::Value constantBuffer(mlir::ImplicitLocOpBuilder &b, mlir::DenseElementsAttr elements);

/// The same for a constant of the dialect, which must have dense elements (i1 as i8).
mlir::Value constantTensor(mlir::ImplicitLocOpBuilder &b, ir::ConstantOp constant);

/// Whether two buffers start at the same address: an output that replaces an input.
mlir::Value sameBuffer(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Value y);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_LANEMEMORY_H
