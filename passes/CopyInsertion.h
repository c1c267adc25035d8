// SPDX-License-Identifier: Apache-2.0
// Makes the memory of a kernelised function assignable: adds the copies that cannot be avoided.

#ifndef HEDDLE_PASSES_COPYINSERTION_H
#define HEDDLE_PASSES_COPYINSERTION_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

namespace heddle::passes {

/// Where the memory of results is settled before the arena is laid out.
struct ResultPlacement {
  /// Kernel results that are written straight into the buffer of an argument: the new values of
  /// parameters and states.
  llvm::DenseMap<mlir::Value, unsigned> argumentOf;
  /// Kernel results and concats that are the function's results, in buffers of the caller's.
  llvm::DenseMap<mlir::Value, unsigned> resultOf;
};

/// Checks that the function holds only kernels, aliases (reshape; slice and concat along the
/// leading axis), constants and the return, then rewrites it until
///   - each part of a concat is all of a kernel result or concat that is in no other concat,
///   - each result of kind "output" is all of a kernel result or concat that is nothing else,
///   - each result of kind "param" or "state" is the argument of that name itself or a kernel
///   result
///     that may be written over it: nobody reads the old value afterwards, and the kernel itself
///     reads it in place, if at all.
/// Where that does not hold, a kernel named "copy" (or "concat"; or "fill" for a splat constant) is
/// put in; kernels that read nothing and make a new state (zeros) move down to the return first.
/// Fails with an error at the op when the function has other ops, or when two arguments would have
/// to swap values.
mlir::FailureOr<ResultPlacement> insertCopies(mlir::func::FuncOp function);

} // namespace heddle::passes

#endif // HEDDLE_PASSES_COPYINSERTION_H
