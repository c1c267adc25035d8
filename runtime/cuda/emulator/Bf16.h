// SPDX-License-Identifier: Apache-2.0
// The formats of tensor cores, to and from f32.

#ifndef HEDDLE_RUNTIME_CUDA_EMULATOR_BF16_H
#define HEDDLE_RUNTIME_CUDA_EMULATOR_BF16_H

#include <bit>
#include <cstdint>

namespace heddle::emulator {

inline float fromBf16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }
inline float lowBf16(uint32_t pair) { return std::bit_cast<float>(pair << 16); }
inline float highBf16(uint32_t pair) { return std::bit_cast<float>(pair & 0xffff0000u); }
/// To nearest even; every NaN becomes 0x7fff.
inline uint16_t toBf16(float x) {
  auto bits = std::bit_cast<uint32_t>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u)
    return 0x7fff;
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
/// A tensor core reads the upper 19 bits of an f32.
inline float tf32(uint32_t bits) { return std::bit_cast<float>(bits & 0xffffe000u); }

} // namespace heddle::emulator

#endif // HEDDLE_RUNTIME_CUDA_EMULATOR_BF16_H
