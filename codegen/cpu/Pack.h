// SPDX-License-Identifier: Apache-2.0
// Copies of operand blocks into the layout that the micro-kernels stream.

#ifndef HEDDLE_CODEGEN_CPU_PACK_H
#define HEDDLE_CODEGEN_CPU_PACK_H

#include "codegen/cpu/IrHelpers.h"
#include "codegen/cpu/Target.h"

namespace heddle::codegen {

/// Transposes `lanes` vectors of `lanes` elements in registers.
mlir::SmallVector<mlir::Value> emitTranspose(mlir::ImplicitLocOpBuilder &b, int64_t lanes,
                                             mlir::SmallVector<mlir::Value> rows);

/// A panel of B: source element (k, column) at offset + k * kStride + column * columnStride goes to
/// k * width + column of the panel. Columns from `columns` up to `width` are left as they are
/// (their products are never stored).
struct PanelSpec {
  std::string name;
  mlir::MemRefType source, panel;
  int64_t kStride = 0, columnStride = 0;
  int64_t columns = 0; // valid ones
  int64_t width = 0;   // of the panel, a multiple of the target's lanes
};

/// (source, panel, sourceOffset, panelOffset, depth) -> (). A source whose k is contiguous is
/// transposed in registers, one whose columns are contiguous is copied by vectors, any other
/// element by element.
mlir::func::FuncOp emitPackPanel(mlir::ImplicitLocOpBuilder &b, const Target &target,
                                 const PanelSpec &spec);

/// A row tile of A whose rows are contiguous (column access): source element (row, k) at offset +
/// row
/// + k * kStride goes to k * width + row.
struct RowTileSpec {
  std::string name;
  mlir::MemRefType source, packed;
  int64_t kStride = 0;
  int64_t rows = 0;
  int64_t width = 0;
};

/// (source, packed, sourceOffset, packedOffset, depth) -> ().
mlir::func::FuncOp emitPackRowTile(mlir::ImplicitLocOpBuilder &b, const RowTileSpec &spec);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_PACK_H
