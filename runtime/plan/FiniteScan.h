// SPDX-License-Identifier: Apache-2.0
// Looking for NaN and infinities in tensors.

#ifndef HEDDLE_RUNTIME_PLAN_FINITESCAN_H
#define HEDDLE_RUNTIME_PLAN_FINITESCAN_H

#include <optional>
#include <string>
#include <vector>

#include "runtime/base/DType.h"
#include "runtime/base/Status.h"

namespace heddle::runtime {

class Device;
class Session;

/// A value that is not finite, and its position in row-major order.
struct NonFiniteValue {
  int64_t index = 0;
  double value = 0;
};

/// Infinities that are as they should be.
struct AllowedInfinities {
  bool positive = false, negative = false;
};

/// The first of `count` values in host memory that is NaN or an infinity not allowed. Types that
/// hold no such values have none.
std::optional<NonFiniteValue> firstNonFinite(DType dtype, const void *values, int64_t count,
                                             AllowedInfinities allowed = {});

/// The same of values in device memory, searched by all threads of the device.
StatusOr<std::optional<NonFiniteValue>> firstNonFinite(Device &device, DType dtype,
                                                       const void *values, int64_t count);

/// "NaN at [3, 5]"; "infinity at element 17" where the shape is not known (empty and more than one
/// element).
std::string describe(const NonFiniteValue &found, const std::vector<int64_t> &shape,
                     int64_t elements);

/// The first parameter or optimizer moment that is not finite.
struct NonFiniteStored {
  std::string name;
  std::string text; // "parameter w holds NaN at [3, 5]", with the number of others
};
StatusOr<std::optional<NonFiniteStored>> findNonFiniteStored(Session &session);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_PLAN_FINITESCAN_H
