// SPDX-License-Identifier: Apache-2.0
// Ways to write a graph differently that leave what it computes alone, but for the order of sums.

#ifndef HEDDLE_TESTS_RANDOM_REWRITES_H
#define HEDDLE_TESTS_RANDOM_REWRITES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tests/random/Random.h"

namespace heddle::random {

/// Rewrites about `count` ops, chosen at random: composite ops are written out, sums and products
/// re-associated and commuted, maps and products split and joined again, values transposed there
/// and back, and the like. Returns the names of what was done, in order.
std::vector<const char *> rewriteSome(mlir::func::FuncOp function, Random &random, int count);

} // namespace heddle::random

#endif // HEDDLE_TESTS_RANDOM_REWRITES_H
