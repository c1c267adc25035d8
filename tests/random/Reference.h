// SPDX-License-Identifier: Apache-2.0
// What a function should compute, and how far from it f32 may be.

#ifndef HEDDLE_TESTS_RANDOM_REFERENCE_H
#define HEDDLE_TESTS_RANDOM_REFERENCE_H

#include <map>
#include <string>
#include <vector>

#include "ir/interpreter/ErrorBound.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "runtime/base/Status.h"
#include "runtime/plan/Tensor.h"

namespace heddle::random {

/// A result by name, in float64, with the bound on the error of each element in f32.
using References = std::map<std::string, ir::BoundedResult>;
StatusOr<References> referencesOf(mlir::func::FuncOp function,
                                  const std::vector<ir::TensorRef> &arguments);

/// Empty where every element of every result is within its bound times the table's factor
/// (tools/driver/Tolerances.h), else the worst of a result in words.
StatusOr<std::string> difference(const References &expected, const runtime::TensorMap &actual);

/// The same for results in float64 on both sides, in the order of results: `bound` times the
/// largest magnitude of all is allowed; 0 for the same bits.
std::string difference(const std::vector<ir::TensorRef> &expected,
                       const std::vector<ir::TensorRef> &actual, double bound);

} // namespace heddle::random

#endif // HEDDLE_TESTS_RANDOM_REFERENCE_H
