// SPDX-License-Identifier: Apache-2.0
// A dense tensor of the interpreter: every floating-point kind is held as float64, every integer
// kind as int64. The kind says what the IR calls it, not how it is stored. No IR inside.

#ifndef HEDDLE_IR_INTERPRETER_TENSOR_H
#define HEDDLE_IR_INTERPRETER_TENSOR_H

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ir/StridedView.h"

namespace heddle::ir {

enum class ElementKind { f32, f64, bf16, f16, i32, i64, i1 };

bool isFloatKind(ElementKind kind);
const char *elementKindName(ElementKind kind);

/// A value class: copies are deep. Exactly one of `floats` and `ints` is used, by kind, row-major.
/// Number is double, or another of Numbers.h.
template <typename Number> struct TensorOf {
  ElementKind kind = ElementKind::f32;
  std::vector<int64_t> shape;
  std::vector<Number> floats;
  std::vector<int64_t> ints;
  /// One per element of `ints` that rounding of floats could have made another number; empty where
  /// none could, and always so when Number is not Bounded.
  std::vector<char> undecided;

  static TensorOf zeros(ElementKind kind, std::vector<int64_t> shape);
  /// `values` has one number per element.
  static TensorOf ofFloats(std::vector<int64_t> shape, std::vector<Number> values,
                           ElementKind kind = ElementKind::f32);
  static TensorOf ofInts(std::vector<int64_t> shape, std::vector<int64_t> values,
                         ElementKind kind = ElementKind::i32);
  static TensorOf scalar(Number value, ElementKind kind = ElementKind::f32);

  bool isFloat() const { return isFloatKind(kind); }
  int64_t elements() const;
  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  /// Element i as a number, whatever the kind.
  Number number(int64_t i) const {
    return isFloat() ? floats[i] : Number(static_cast<double>(ints[i]));
  }
  bool isUndecided(int64_t i) const { return !undecided.empty() && undecided[i]; }
  /// Whether no element is infinite or NaN. Integers always are finite.
  bool isFinite() const;
  /// "f32 [2, 3]".
  std::string describe() const;
};

using Tensor = TensorOf<double>;

/// Tensors are shared between the caller, the environment and results, and never change once
/// they are.
template <typename Number> using TensorRefOf = std::shared_ptr<const TensorOf<Number>>;
using TensorRef = TensorRefOf<double>;

/// The elements of `from` that `view` names, as a dense tensor of `to`'s kind and shape; `to` holds
/// the right number of elements.
template <typename Number>
void gather(const TensorOf<Number> &from, const StridedView &view, TensorOf<Number> &to);

/// Stores the dense tensor `from` at the elements of `to` that `view` names.
template <typename Number>
void scatter(const TensorOf<Number> &from, const StridedView &view, TensorOf<Number> &to);

} // namespace heddle::ir

#endif // HEDDLE_IR_INTERPRETER_TENSOR_H
