// SPDX-License-Identifier: Apache-2.0
// A module from a seed.

#ifndef HEDDLE_TESTS_RANDOM_GENERATE_H
#define HEDDLE_TESTS_RANDOM_GENERATE_H

#include <cstdint>

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace heddle::random {

/// A module with one entry, @forward, of well-typed ops of f32 (and integers and masks), the same
/// on every machine for the same seed. About six in ten can be differentiated: they have parameters
/// and only ops with a gradient rule. Evaluated on `inputsFor` the same seed, no value is NaN or
/// infinite (but hidden scores), and none is near a kink.
mlir::OwningOpRef<mlir::ModuleOp> generate(mlir::MLIRContext &context, uint64_t seed);

} // namespace heddle::random

#endif // HEDDLE_TESTS_RANDOM_GENERATE_H
