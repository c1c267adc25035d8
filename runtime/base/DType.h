// SPDX-License-Identifier: Apache-2.0
// Element types of tensors in files and in memory, with conversions that need no hardware support.

#ifndef HEDDLE_RUNTIME_BASE_DTYPE_H
#define HEDDLE_RUNTIME_BASE_DTYPE_H

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace heddle {

enum class DType : uint8_t { F32, F64, BF16, F16, I64, I32, I8, U8, Bool };

/// Bytes of one element (a Bool is one byte, 0 or 1).
constexpr uint64_t dtypeSize(DType type) {
  switch (type) {
  case DType::F64:
  case DType::I64:
    return 8;
  case DType::F32:
  case DType::I32:
    return 4;
  case DType::BF16:
  case DType::F16:
    return 2;
  case DType::I8:
  case DType::U8:
  case DType::Bool:
    return 1;
  }
  return 0;
}

/// The name in safetensors files ("F32", "BF16", "BOOL").
constexpr const char *dtypeName(DType type) {
  switch (type) {
  case DType::F32:
    return "F32";
  case DType::F64:
    return "F64";
  case DType::BF16:
    return "BF16";
  case DType::F16:
    return "F16";
  case DType::I64:
    return "I64";
  case DType::I32:
    return "I32";
  case DType::I8:
    return "I8";
  case DType::U8:
    return "U8";
  case DType::Bool:
    return "BOOL";
  }
  return "?";
}

inline std::optional<DType> dtypeFromName(std::string_view name) {
  for (DType type : {DType::F32, DType::F64, DType::BF16, DType::F16, DType::I64, DType::I32,
                     DType::I8, DType::U8, DType::Bool})
    if (name == dtypeName(type))
      return type;
  return std::nullopt;
}

inline float bf16ToFloat(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

/// Round to nearest, ties to even; a NaN stays a (quiet) NaN.
inline uint16_t floatToBf16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7FFFFFFF) > 0x7F800000)
    return static_cast<uint16_t>((bits >> 16) | 0x40);
  return static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

/// Exact: every half is a float.
inline float f16ToFloat(uint16_t bits) {
  uint32_t sign = uint32_t{bits & 0x8000u} << 16;
  uint32_t magnitude = bits & 0x7FFF;
  if (magnitude >= 0x7C00) // infinity and NaN: the exponent is all ones in both formats
    return std::bit_cast<float>(sign | 0x7F800000 | (magnitude & 0x3FF) << 13);
  if (magnitude >= 0x400)
    return std::bit_cast<float>(sign | ((magnitude << 13) + ((127 - 15) << 23)));
  // Subnormal: an integer multiple of 2^-24.
  float value = static_cast<float>(magnitude) * 0x1p-24f;
  return sign ? -value : value;
}

} // namespace heddle

#endif // HEDDLE_RUNTIME_BASE_DTYPE_H
