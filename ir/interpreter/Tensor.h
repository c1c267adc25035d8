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
struct Tensor {
  ElementKind kind = ElementKind::f32;
  std::vector<int64_t> shape;
  std::vector<double> floats;
  std::vector<int64_t> ints;

  static Tensor zeros(ElementKind kind, std::vector<int64_t> shape);
  /// `values` has one number per element.
  static Tensor ofFloats(std::vector<int64_t> shape, std::vector<double> values,
                         ElementKind kind = ElementKind::f32);
  static Tensor ofInts(std::vector<int64_t> shape, std::vector<int64_t> values,
                       ElementKind kind = ElementKind::i32);
  static Tensor scalar(double value, ElementKind kind = ElementKind::f32);

  bool isFloat() const { return isFloatKind(kind); }
  int64_t elements() const;
  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  /// Element i as a number, whatever the kind.
  double number(int64_t i) const { return isFloat() ? floats[i] : static_cast<double>(ints[i]); }
  /// Whether no element is infinite or NaN. Integers always are finite.
  bool isFinite() const;
  /// "f32 [2, 3]".
  std::string describe() const;
};

/// Tensors are shared between the caller, the environment and results, and never change once
/// they are.
using TensorRef = std::shared_ptr<const Tensor>;

/// The elements of `from` that `view` names, as a dense tensor of `to`'s kind and shape; `to` holds
/// the right number of elements.
void gather(const Tensor &from, const StridedView &view, Tensor &to);

/// Stores the dense tensor `from` at the elements of `to` that `view` names.
void scatter(const Tensor &from, const StridedView &view, Tensor &to);

} // namespace heddle::ir

#endif // HEDDLE_IR_INTERPRETER_TENSOR_H
