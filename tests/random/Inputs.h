// SPDX-License-Identifier: Apache-2.0
// What a graph is run on. An argument's name says from which domain its values are, so that a graph
// in a file is a whole test, whoever wrote or shrank it:
//
//   float3      uniform in [-1, 1)                 positive1   uniform in [0.5, 2)
//   ids0_of7    integers in [0, 7)                 targets2_of7  the same, and some -100
//   flags4      0 or 1                             lengths5_of9  integers in [0, 9]
//   rng6        a random state                     hyper7        AdamW's nine numbers
//   moment8     in [0, 0.1)
//
// Any other name: float for floats, flags for integers.

#ifndef HEDDLE_TESTS_RANDOM_INPUTS_H
#define HEDDLE_TESTS_RANDOM_INPUTS_H

#include <cstdint>
#include <vector>

#include "ir/interpreter/Tensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace heddle::random {

/// The value of one argument: a function of seed, name and type. Floats are f32 numbers.
ir::TensorRef inputFor(llvm::StringRef name, mlir::RankedTensorType type, uint64_t seed);

/// One per argument. Integers that index something which has shrunk since they were named are kept
/// below its size.
std::vector<ir::TensorRef> inputsFor(mlir::func::FuncOp function, uint64_t seed);

} // namespace heddle::random

#endif // HEDDLE_TESTS_RANDOM_INPUTS_H
