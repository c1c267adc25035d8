// SPDX-License-Identifier: Apache-2.0
// Where a wgmma's operands lie in shared memory, and its arithmetic. Internal to the emulator.

#ifndef HEDDLE_RUNTIME_CUDA_EMULATOR_WGMMAOPERANDS_H
#define HEDDLE_RUNTIME_CUDA_EMULATOR_WGMMAOPERANDS_H

#include "runtime/cuda/emulator/Machine.h"

namespace heddle::emulator {

/// A matrix descriptor's fields, in bytes.
struct OperandLayout {
  explicit OperandLayout(uint64_t descriptor)
      : start(static_cast<uint32_t>(descriptor & 0x3fff) << 4),
        leading(static_cast<uint32_t>(descriptor >> 16 & 0x3fff) << 4),
        stride(static_cast<uint32_t>(descriptor >> 32 & 0x3fff) << 4) {
    // Modes 0 to 3 are: none, 128 B, 64 B, 32 B.
    constexpr Swizzle kModes[] = {Swizzle::None, Swizzle::B128, Swizzle::B64, Swizzle::B32};
    swizzle = kModes[descriptor >> 62];
  }
  uint32_t span() const { return 16u << static_cast<int>(swizzle); } ///< of a row, in bytes

  /// The 16-byte chunk of row `row`, chunk `chunk` of its 32 bytes along k.
  uint32_t kMajor(uint32_t row, uint32_t chunk) const {
    uint32_t address = start + row / 8 * stride + row % 8 * span();
    address += swizzle == Swizzle::None ? chunk * leading : chunk * 16;
    return swizzled(address, swizzle);
  }
  /// The chunk of 8 elements (16-bit) from row `row`, a multiple of 8, at `k`.
  uint32_t mnMajor(uint32_t row, uint32_t k) const {
    if (swizzle == Swizzle::None)
      return start + row / 8 * stride + k / 8 * leading + k % 8 * 16;
    uint32_t width = span() / 2;
    return swizzled(
        start + row / width * leading + k / 8 * stride + k % 8 * span() + row % width * 2, swizzle);
  }

  uint32_t start, leading, stride;
  Swizzle swizzle;
};

/// Calls visit(shared address, row, k) for each 16-byte chunk of an operand of `rows` rows (of A,
/// or columns of B): 8 rows at one k where it is MN-major, 16 bytes along k from k on otherwise.
template <typename Visit>
void forEachOperandChunk(uint64_t descriptor, bool isMnMajor, uint32_t elementBytes, uint32_t rows,
                         Visit visit) {
  OperandLayout layout(descriptor);
  if (isMnMajor) {
    for (uint32_t k = 0; k < 16; ++k)
      for (uint32_t row = 0; row < rows; row += 8)
        visit(layout.mnMajor(row, k), row, k);
    return;
  }
  for (uint32_t row = 0; row < rows; ++row)
    for (uint32_t chunk = 0; chunk < 2; ++chunk)
      visit(layout.kMajor(row, chunk), row, chunk * (16 / elementBytes));
}

/// Forms the product and writes it to the threads' accumulators.
void computeWgmma(Block &block, const WgmmaOperation &operation);

} // namespace heddle::emulator

#endif // HEDDLE_RUNTIME_CUDA_EMULATOR_WGMMAOPERANDS_H
