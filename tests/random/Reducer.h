// SPDX-License-Identifier: Apache-2.0
// Makes a failing graph small: fewer results, fewer ops, fewer operands and attributes, smaller
// sizes, as long as it fails in the same way.

#ifndef HEDDLE_TESTS_RANDOM_REDUCER_H
#define HEDDLE_TESTS_RANDOM_REDUCER_H

#include <functional>

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace heddle::random {

/// The smallest module that was found for which `fails` holds, as it does for `module`. Every
/// candidate verifies; what `fails` makes of a module that is no fair test is its own affair.
mlir::OwningOpRef<mlir::ModuleOp> reduce(mlir::OwningOpRef<mlir::ModuleOp> module,
                                         const std::function<bool(mlir::ModuleOp)> &fails);

} // namespace heddle::random

#endif // HEDDLE_TESTS_RANDOM_REDUCER_H
