// SPDX-License-Identifier: Apache-2.0
// 64-bit arithmetic on numbers that come from files: nothing where the result does not fit.

#ifndef HEDDLE_RUNTIME_BASE_CHECKEDMATH_H
#define HEDDLE_RUNTIME_BASE_CHECKEDMATH_H

#include <cstdint>
#include <optional>

namespace heddle {

/// a + b in T, for any integer types of the operands.
template <typename T = uint64_t, typename A, typename B>
constexpr std::optional<T> checkedAdd(A a, B b) {
  T result{};
  if (__builtin_add_overflow(a, b, &result))
    return std::nullopt;
  return result;
}

template <typename T = uint64_t, typename A, typename B>
constexpr std::optional<T> checkedSub(A a, B b) {
  T result{};
  if (__builtin_sub_overflow(a, b, &result))
    return std::nullopt;
  return result;
}

template <typename T = uint64_t, typename A, typename B>
constexpr std::optional<T> checkedMul(A a, B b) {
  T result{};
  if (__builtin_mul_overflow(a, b, &result))
    return std::nullopt;
  return result;
}

/// The product of a shape's extents (1 for a scalar). An extent of zero makes it zero only if the
/// other extents multiply without overflow, so that a shape cannot hide a huge extent behind a
/// zero.
template <typename T = uint64_t, typename Range>
constexpr std::optional<T> checkedProduct(const Range &extents) {
  T product = 1;
  bool anyZero = false;
  for (auto extent : extents) {
    if (extent < 0)
      return std::nullopt;
    if (extent == 0) {
      anyZero = true;
      continue;
    }
    if (__builtin_mul_overflow(product, extent, &product))
      return std::nullopt;
  }
  return anyZero ? T{0} : product;
}

/// The value in another integer type, if it has the same value there.
template <typename T, typename A> constexpr std::optional<T> checkedCast(A a) {
  T result{};
  if (__builtin_add_overflow(a, 0, &result))
    return std::nullopt;
  return result;
}

} // namespace heddle

#endif // HEDDLE_RUNTIME_BASE_CHECKEDMATH_H
