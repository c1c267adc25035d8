// SPDX-License-Identifier: Apache-2.0
#include "ir/interpreter/Tensor.h"

#include <cmath>

namespace heddle::ir {
namespace {

int64_t product(const std::vector<int64_t> &shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

/// Calls visit(dense index, viewed index) for each element in row-major order.
template <typename Visit> void forEachElement(const StridedView &view, Visit visit) {
  size_t rank = view.sizes.size();
  std::vector<int64_t> index(rank, 0);
  int64_t viewed = view.offset;
  for (int64_t dense = 0, count = view.elements(); dense < count; ++dense) {
    visit(dense, viewed);
    for (size_t axis = rank; axis-- > 0;) {
      viewed += view.strides[axis];
      if (++index[axis] < view.sizes[axis])
        break;
      viewed -= view.strides[axis] * view.sizes[axis];
      index[axis] = 0;
    }
  }
}

} // namespace

bool isFloatKind(ElementKind kind) {
  return kind == ElementKind::f32 || kind == ElementKind::f64 || kind == ElementKind::bf16 ||
         kind == ElementKind::f16;
}

const char *elementKindName(ElementKind kind) {
  switch (kind) {
  case ElementKind::f32:
    return "f32";
  case ElementKind::f64:
    return "f64";
  case ElementKind::bf16:
    return "bf16";
  case ElementKind::f16:
    return "f16";
  case ElementKind::i32:
    return "i32";
  case ElementKind::i64:
    return "i64";
  case ElementKind::i1:
    return "i1";
  }
  return "?";
}

Tensor Tensor::zeros(ElementKind kind, std::vector<int64_t> shape) {
  Tensor tensor;
  tensor.kind = kind;
  tensor.shape = std::move(shape);
  if (isFloatKind(kind))
    tensor.floats.resize(product(tensor.shape));
  else
    tensor.ints.resize(product(tensor.shape));
  return tensor;
}

Tensor Tensor::ofFloats(std::vector<int64_t> shape, std::vector<double> values, ElementKind kind) {
  Tensor tensor;
  tensor.kind = kind;
  tensor.shape = std::move(shape);
  tensor.floats = std::move(values);
  return tensor;
}

Tensor Tensor::ofInts(std::vector<int64_t> shape, std::vector<int64_t> values, ElementKind kind) {
  Tensor tensor;
  tensor.kind = kind;
  tensor.shape = std::move(shape);
  tensor.ints = std::move(values);
  return tensor;
}

Tensor Tensor::scalar(double value, ElementKind kind) { return ofFloats({}, {value}, kind); }

int64_t Tensor::elements() const { return product(shape); }

bool Tensor::isFinite() const {
  for (double value : floats)
    if (!std::isfinite(value))
      return false;
  return true;
}

std::string Tensor::describe() const {
  std::string text = std::string(elementKindName(kind)) + " [";
  for (size_t axis = 0; axis < shape.size(); ++axis)
    text += (axis ? ", " : "") + std::to_string(shape[axis]);
  return text + "]";
}

void gather(const Tensor &from, const StridedView &view, Tensor &to) {
  if (from.isFloat())
    forEachElement(view, [&](int64_t dense, int64_t i) { to.floats[dense] = from.floats[i]; });
  else
    forEachElement(view, [&](int64_t dense, int64_t i) { to.ints[dense] = from.ints[i]; });
}

void scatter(const Tensor &from, const StridedView &view, Tensor &to) {
  if (from.isFloat())
    forEachElement(view, [&](int64_t dense, int64_t i) { to.floats[i] = from.floats[dense]; });
  else
    forEachElement(view, [&](int64_t dense, int64_t i) { to.ints[i] = from.ints[dense]; });
}

} // namespace heddle::ir
