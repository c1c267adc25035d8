// SPDX-License-Identifier: Apache-2.0
// Values of a kernelised function by the memory that holds them.

#ifndef HEDDLE_PASSES_STORAGE_H
#define HEDDLE_PASSES_STORAGE_H

#include "ir/BufferAssignment.h"

namespace heddle::passes {

/// A value is the bytes of `root` from `byteOffset` on. Roots are the values that need memory:
/// results of kernels, concats, arguments and constants; reshapes and leading slices are windows on
/// them.
struct Storage {
  mlir::Value root;
  int64_t byteOffset = 0;
};

inline Storage storageOf(mlir::Value value) {
  Storage storage{value, 0};
  while (mlir::Operation *op = storage.root.getDefiningOp()) {
    if (auto reshape = llvm::dyn_cast<ir::ReshapeOp>(op)) {
      storage.root = reshape.getX();
    } else if (auto slice = llvm::dyn_cast<ir::SliceOp>(op)) {
      storage.byteOffset += ir::leadingSliceOffset(slice).value_or(0);
      storage.root = slice.getX();
    } else {
      break;
    }
  }
  return storage;
}

inline int64_t byteSizeOf(mlir::Value value) {
  return ir::byteSize(llvm::cast<mlir::RankedTensorType>(value.getType()));
}

/// Whether `value` is all of its root, perhaps under another shape.
inline bool isWholeRoot(mlir::Value value) {
  Storage storage = storageOf(value);
  return storage.byteOffset == 0 && byteSizeOf(storage.root) == byteSizeOf(value);
}

} // namespace heddle::passes

#endif // HEDDLE_PASSES_STORAGE_H
