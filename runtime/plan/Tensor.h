// SPDX-License-Identifier: Apache-2.0
// Tensors in host memory, and how the executable's types map to them.

#ifndef HEDDLE_RUNTIME_PLAN_TENSOR_H
#define HEDDLE_RUNTIME_PLAN_TENSOR_H

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/Executable.pb.h"
#include "runtime/base/DType.h"
#include "runtime/base/Status.h"

namespace heddle::runtime {

/// A dense row-major tensor with its own bytes.
struct Tensor {
  DType dtype = DType::F32;
  std::vector<int64_t> shape;
  std::string bytes;

  template <typename T> const T *as() const { return reinterpret_cast<const T *>(bytes.data()); }
  template <typename T> T *as() { return reinterpret_cast<T *>(bytes.data()); }
  int64_t elements() const { return static_cast<int64_t>(bytes.size() / dtypeSize(dtype)); }

  template <typename T>
  static Tensor of(DType dtype, std::vector<int64_t> shape, const std::vector<T> &values) {
    return {dtype, std::move(shape),
            std::string(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T))};
  }
};

/// Dense row-major elements that somebody else owns.
struct TensorSpan {
  DType dtype = DType::F32;
  std::vector<int64_t> shape;
  std::string_view bytes;

  TensorSpan() = default;
  TensorSpan(DType dtype, std::vector<int64_t> shape, std::string_view bytes)
      : dtype(dtype), shape(std::move(shape)), bytes(bytes) {}
  TensorSpan(const Tensor &tensor) : TensorSpan(tensor.dtype, tensor.shape, tensor.bytes) {}
  template <typename T> const T *as() const { return reinterpret_cast<const T *>(bytes.data()); }
};

/// By name, in alphabetical order.
using TensorMap = std::map<std::string, Tensor>;

/// "[4, 256]", "[]" for a scalar.
template <typename Range> std::string shapeText(const Range &shape) {
  std::string text = "[";
  for (auto size : shape)
    absl::StrAppend(&text, text.size() > 1 ? ", " : "", size);
  return text + "]";
}

/// Where element `index` in row-major order lies: "[1, 5]".
std::string positionText(const std::vector<int64_t> &shape, int64_t index);

/// The executable's type; InvalidArgument for a number that is none.
StatusOr<DType> dtypeOf(proto::DataType type);
inline std::vector<int64_t> shapeOf(const proto::Value &value) {
  return {value.shape().begin(), value.shape().end()};
}
/// A parameter or a state: what a session keeps from one run to the next.
inline bool isStored(const proto::Value &value) {
  return value.kind() == "param" || value.kind() == "state";
}
/// Bytes of a value; InvalidArgument for negative extents, more than 8 axes, or more than 2^47
/// bytes.
StatusOr<uint64_t> byteSize(proto::DataType type, const std::vector<int64_t> &shape);

/// Elements converted one by one: float types to any float type, integers (and bool) to any integer
/// type where the value fits. `name` is for the error.
StatusOr<Tensor> convertTensor(const TensorSpan &from, DType to, const std::string &name);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_PLAN_TENSOR_H
