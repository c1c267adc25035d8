// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/Tensor.h"

#include "runtime/base/CheckedMath.h"
#include "runtime/base/Limits.h"

namespace heddle::runtime {
namespace {

bool isFloat(DType type) {
  return type == DType::F32 || type == DType::F64 || type == DType::BF16 || type == DType::F16;
}

template <typename T> T loadAs(const char *bytes) {
  T value;
  memcpy(&value, bytes, sizeof value);
  return value;
}

double loadFloat(DType type, const char *bytes) {
  switch (type) {
  case DType::F64:
    return loadAs<double>(bytes);
  case DType::BF16:
    return bf16ToFloat(loadAs<uint16_t>(bytes));
  case DType::F16:
    return f16ToFloat(loadAs<uint16_t>(bytes));
  default:
    return loadAs<float>(bytes);
  }
}

int64_t loadInteger(DType type, const char *bytes) {
  switch (type) {
  case DType::I64:
    return loadAs<int64_t>(bytes);
  case DType::I32:
    return loadAs<int32_t>(bytes);
  case DType::I8:
    return loadAs<int8_t>(bytes);
  default: // U8, Bool
    return loadAs<uint8_t>(bytes);
  }
}

template <typename T> void store(char *bytes, T value) { memcpy(bytes, &value, sizeof value); }

/// False where the value does not fit.
bool storeInteger(DType type, char *bytes, int64_t value) {
  auto put = [&](auto narrow) {
    auto fits = checkedCast<decltype(narrow)>(value);
    if (fits)
      store(bytes, *fits);
    return fits.has_value();
  };
  switch (type) {
  case DType::I64:
    return put(int64_t{});
  case DType::I32:
    return put(int32_t{});
  case DType::I8:
    return put(int8_t{});
  case DType::U8:
    return put(uint8_t{});
  default: // Bool
    store<uint8_t>(bytes, value != 0);
    return true;
  }
}

} // namespace

std::string positionText(const std::vector<int64_t> &shape, int64_t index) {
  std::vector<int64_t> position(shape.size());
  for (size_t axis = shape.size(); axis-- > 0;) {
    position[axis] = index % shape[axis];
    index /= shape[axis];
  }
  return shapeText(position);
}

StatusOr<DType> dtypeOf(proto::DataType type) {
  switch (type) {
  case proto::F32:
    return DType::F32;
  case proto::F64:
    return DType::F64;
  case proto::BF16:
    return DType::BF16;
  case proto::F16:
    return DType::F16;
  case proto::I32:
    return DType::I32;
  case proto::I64:
    return DType::I64;
  case proto::I1:
    return DType::Bool;
  default:
    return invalidInput("no element type has the number ", static_cast<int>(type));
  }
}

StatusOr<uint64_t> byteSize(proto::DataType type, const std::vector<int64_t> &shape) {
  HEDDLE_ASSIGN_OR_RETURN(DType dtype, dtypeOf(type));
  if (shape.size() > limits::kTensorRank)
    return invalidInput(shape.size(), " axes, more than the limit of ", limits::kTensorRank);
  auto elements = checkedProduct(shape);
  auto bytes = elements ? checkedMul(*elements, dtypeSize(dtype)) : std::nullopt;
  if (!bytes || *bytes > uint64_t{1} << 47)
    return invalidInput("a tensor of shape ", shapeText(shape), " is negative or too large");
  return *bytes;
}

StatusOr<Tensor> convertTensor(const TensorSpan &from, DType to, const std::string &name) {
  Tensor result{to, from.shape, {}};
  if (from.dtype == to) {
    result.bytes.assign(from.bytes);
    return result;
  }
  if (isFloat(from.dtype) != isFloat(to))
    return invalidInput("tensor ", name, ": is ", dtypeName(from.dtype), ", expected ",
                        dtypeName(to));
  if (to == DType::F16)
    return invalidInput("tensor ", name, ": conversion to F16 is not supported");
  uint64_t fromSize = dtypeSize(from.dtype), toSize = dtypeSize(to);
  size_t count = from.bytes.size() / fromSize;
  result.bytes.resize(count * toSize);
  const char *source = from.bytes.data();
  char *target = result.bytes.data();
  for (size_t i = 0; i < count; ++i, source += fromSize, target += toSize) {
    if (!isFloat(to)) {
      int64_t value = loadInteger(from.dtype, source);
      if (!storeInteger(to, target, value))
        return invalidInput("tensor ", name, ": value ", value, " at element ", i,
                            " does not fit into ", dtypeName(to));
    } else if (double value = loadFloat(from.dtype, source); to == DType::F64) {
      store(target, value);
    } else if (to == DType::F32) {
      store(target, static_cast<float>(value));
    } else {
      store(target, floatToBf16(static_cast<float>(value)));
    }
  }
  return result;
}

} // namespace heddle::runtime
