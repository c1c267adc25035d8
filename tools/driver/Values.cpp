// SPDX-License-Identifier: Apache-2.0
#include "tools/driver/Values.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace heddle::tools {
namespace {

using ir::ElementKind;

template <typename T> std::vector<T> numbers(const ir::Tensor &from) {
  std::vector<T> values(static_cast<size_t>(from.elements()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = from.isFloat() ? static_cast<T>(from.floats[i]) : static_cast<T>(from.ints[i]);
  return values;
}

bool agreeOutsideNumbers(double a, double b) { return (std::isnan(a) && std::isnan(b)) || a == b; }

} // namespace

StatusOr<ir::TensorRef> toReference(const runtime::TensorSpan &from) {
  auto result = std::make_shared<ir::Tensor>();
  result->shape = from.shape;
  bool isFloat = from.dtype == DType::F32 || from.dtype == DType::F64 ||
                 from.dtype == DType::BF16 || from.dtype == DType::F16;
  HEDDLE_ASSIGN_OR_RETURN(
      runtime::Tensor wide,
      runtime::convertTensor(from, isFloat ? DType::F64 : DType::I64, "a tensor"));
  if (isFloat) {
    result->kind = from.dtype == DType::F64 ? ElementKind::f64 : ElementKind::f32;
    result->floats.assign(wide.as<double>(), wide.as<double>() + wide.elements());
  } else {
    result->kind = from.dtype == DType::I64 ? ElementKind::i64 : ElementKind::i32;
    result->ints.assign(wide.as<int64_t>(), wide.as<int64_t>() + wide.elements());
  }
  return ir::TensorRef(result);
}

runtime::Tensor toRuntime(const ir::Tensor &from) {
  switch (from.kind) {
  case ElementKind::f64:
    return runtime::Tensor::of(DType::F64, from.shape, numbers<double>(from));
  case ElementKind::i64:
    return runtime::Tensor::of(DType::I64, from.shape, numbers<int64_t>(from));
  case ElementKind::i32:
    return runtime::Tensor::of(DType::I32, from.shape, numbers<int32_t>(from));
  case ElementKind::i1:
    return runtime::Tensor::of(DType::Bool, from.shape, numbers<uint8_t>(from));
  default:
    return runtime::Tensor::of(DType::F32, from.shape, numbers<float>(from));
  }
}

ir::TensorRef roundedToF32(const ir::TensorRef &from) {
  if (!from->isFloat() || from->kind == ElementKind::f64)
    return from;
  auto result = std::make_shared<ir::Tensor>(*from);
  for (double &value : result->floats)
    value = static_cast<float>(value);
  return result;
}

double largestMagnitude(const ir::Tensor &tensor) {
  double largest = 0;
  for (int64_t i = 0; i < tensor.elements(); ++i)
    if (std::isfinite(tensor.number(i)))
      largest = std::max(largest, std::abs(tensor.number(i)));
  return largest;
}

Difference compare(const ir::Tensor &actual, const ir::Tensor &expected, double leastScale) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Difference worst;
  if (actual.shape != expected.shape) {
    worst.relative = kInfinity;
    return worst;
  }
  double scale = std::max(leastScale, largestMagnitude(expected));
  for (int64_t i = 0; i < expected.elements(); ++i) {
    double a = actual.number(i), e = expected.number(i);
    if (agreeOutsideNumbers(a, e))
      continue;
    double relative =
        std::isfinite(a) && std::isfinite(e) && scale > 0 ? std::abs(a - e) / scale : kInfinity;
    // Against a tensor of zeros only the absolute error means something.
    if (scale == 0 && std::isfinite(a))
      relative = std::abs(a);
    if (relative > worst.relative)
      worst = {relative, e, a, i};
  }
  return worst;
}

} // namespace heddle::tools
