// SPDX-License-Identifier: Apache-2.0
// Where in the model an op comes from. The builder gives every op a NameLoc with the layer path
// ("decoder.layers.7.attention"), and every pass keeps it, so that remarks, errors and kernel names
// can say it.

#ifndef HEDDLE_IR_LAYERPATH_H
#define HEDDLE_IR_LAYERPATH_H

#include <string>

#include "mlir/IR/Location.h"

namespace heddle::ir {

/// The layer path in `location`: the outermost name; of fused locations the first that has one; of
/// a call site the callee's, else the caller's. Empty where there is none.
std::string layerPath(mlir::Location location);

/// The location of an op of the layer `path`.
mlir::Location layerLoc(mlir::MLIRContext *context, llvm::StringRef path);

} // namespace heddle::ir

#endif // HEDDLE_IR_LAYERPATH_H
