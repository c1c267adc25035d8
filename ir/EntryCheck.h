// SPDX-License-Identifier: Apache-2.0
// What passes and code generation take for granted of a function, beyond what MLIR verifies. IR by
// hand may be anything; each pass asks this first, and so never meets what it cannot handle.

#ifndef HEDDLE_IR_ENTRYCHECK_H
#define HEDDLE_IR_ENTRYCHECK_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace heddle::ir {

/// Whether `type` is a tensor that the dialect's ops take.
bool isSupportedTensor(mlir::Type type);

/// The function is a declaration, or one block of ops of this dialect that ends in a return; its
/// arguments and results are tensors of the dialect; the names and kinds of Conventions.h are
/// strings, each name stands for one argument and for one result, and the new value of an argument
/// has its type. Says at the function or op what is not so.
mlir::LogicalResult checkEntry(mlir::func::FuncOp function);

/// A module that can be compiled: nothing but functions, one or more, each with a body.
mlir::LogicalResult checkEntries(mlir::ModuleOp module);

} // namespace heddle::ir

#endif // HEDDLE_IR_ENTRYCHECK_H
