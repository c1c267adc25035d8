// SPDX-License-Identifier: Apache-2.0
// Between the runtime's tensors (bytes, f32) and the interpreter's (float64), and how far apart two
// are.

#ifndef HEDDLE_TOOLS_DRIVER_VALUES_H
#define HEDDLE_TOOLS_DRIVER_VALUES_H

#include <string>

#include "ir/interpreter/Tensor.h"
#include "runtime/base/Status.h"
#include "runtime/plan/Tensor.h"

namespace heddle::tools {

/// Widens every element; nothing is rounded.
StatusOr<ir::TensorRef> toReference(const runtime::TensorSpan &from);

/// Rounds to the kind's own type (f32, i32, i64, i1 as a byte).
runtime::Tensor toRuntime(const ir::Tensor &from);

/// The same tensor as a device would hold it: each float rounded to f32. What a kernel is given
/// must be what the reference is given.
ir::TensorRef roundedToF32(const ir::TensorRef &from);

/// The largest finite magnitude of an element, 0 if there is none.
double largestMagnitude(const ir::Tensor &tensor);

/// How far `actual` is from `expected`, relative to the largest magnitude expected, or `leastScale`
/// if that is more: one number that neither explodes on elements that cancel to nearly zero nor
/// hides a wrong element in a mean.
/// Infinity when shapes differ or when one is not finite where the other is.
struct Difference {
  double relative = 0;
  double expected = 0; // at the worst element
  double actual = 0;
  int64_t element = 0;
};
Difference compare(const ir::Tensor &actual, const ir::Tensor &expected, double leastScale = 0);

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_DRIVER_VALUES_H
