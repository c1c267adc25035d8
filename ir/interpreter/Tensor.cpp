// SPDX-License-Identifier: Apache-2.0
#include "ir/interpreter/Tensor.h"

#include <cmath>

#include "ir/interpreter/Numbers.h"

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

template <typename Number>
TensorOf<Number> TensorOf<Number>::zeros(ElementKind kind, std::vector<int64_t> shape) {
  TensorOf tensor;
  tensor.kind = kind;
  tensor.shape = std::move(shape);
  if (isFloatKind(kind))
    tensor.floats.resize(product(tensor.shape));
  else
    tensor.ints.resize(product(tensor.shape));
  return tensor;
}

template <typename Number>
TensorOf<Number> TensorOf<Number>::ofFloats(std::vector<int64_t> shape, std::vector<Number> values,
                                            ElementKind kind) {
  TensorOf tensor;
  tensor.kind = kind;
  tensor.shape = std::move(shape);
  tensor.floats = std::move(values);
  return tensor;
}

template <typename Number>
TensorOf<Number> TensorOf<Number>::ofInts(std::vector<int64_t> shape, std::vector<int64_t> values,
                                          ElementKind kind) {
  TensorOf tensor;
  tensor.kind = kind;
  tensor.shape = std::move(shape);
  tensor.ints = std::move(values);
  return tensor;
}

template <typename Number>
TensorOf<Number> TensorOf<Number>::scalar(Number value, ElementKind kind) {
  return ofFloats({}, {value}, kind);
}

template <typename Number> int64_t TensorOf<Number>::elements() const { return product(shape); }

template <typename Number> bool TensorOf<Number>::isFinite() const {
  for (const Number &value : floats)
    if (!std::isfinite(valueOf(value)))
      return false;
  return true;
}

template <typename Number> std::string TensorOf<Number>::describe() const {
  std::string text = std::string(elementKindName(kind)) + " [";
  for (size_t axis = 0; axis < shape.size(); ++axis)
    text += (axis ? ", " : "") + std::to_string(shape[axis]);
  return text + "]";
}

template <typename Number>
void gather(const TensorOf<Number> &from, const StridedView &view, TensorOf<Number> &to) {
  if (from.isFloat()) {
    forEachElement(view, [&](int64_t dense, int64_t i) { to.floats[dense] = from.floats[i]; });
    return;
  }
  forEachElement(view, [&](int64_t dense, int64_t i) { to.ints[dense] = from.ints[i]; });
  if (from.undecided.empty())
    return;
  to.undecided.resize(to.ints.size());
  forEachElement(view, [&](int64_t dense, int64_t i) { to.undecided[dense] = from.undecided[i]; });
}

template <typename Number>
void scatter(const TensorOf<Number> &from, const StridedView &view, TensorOf<Number> &to) {
  if (from.isFloat()) {
    forEachElement(view, [&](int64_t dense, int64_t i) { to.floats[i] = from.floats[dense]; });
    return;
  }
  forEachElement(view, [&](int64_t dense, int64_t i) { to.ints[i] = from.ints[dense]; });
  if (from.undecided.empty())
    return;
  to.undecided.resize(to.ints.size());
  forEachElement(view, [&](int64_t dense, int64_t i) { to.undecided[i] = from.undecided[dense]; });
}

// These are all there are.
template struct TensorOf<double>;
template struct TensorOf<Bounded>;
template struct TensorOf<Single>;
template void gather(const TensorOf<double> &, const StridedView &, TensorOf<double> &);
template void gather(const TensorOf<Bounded> &, const StridedView &, TensorOf<Bounded> &);
template void gather(const TensorOf<Single> &, const StridedView &, TensorOf<Single> &);
template void scatter(const TensorOf<double> &, const StridedView &, TensorOf<double> &);
template void scatter(const TensorOf<Bounded> &, const StridedView &, TensorOf<Bounded> &);
template void scatter(const TensorOf<Single> &, const StridedView &, TensorOf<Single> &);

} // namespace heddle::ir
