// SPDX-License-Identifier: Apache-2.0
// Tensor maps: what cuTensorMapEncodeTiled makes on a device, made and read here for the emulator.

#ifndef HEDDLE_RUNTIME_CUDA_EMULATOR_TENSORMAP_H
#define HEDDLE_RUNTIME_CUDA_EMULATOR_TENSORMAP_H

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "runtime/base/Status.h"

namespace heddle::emulator {

enum class TensorMapType : uint8_t { U16, BF16, F32 };
/// How the 16-byte chunks of a box are permuted in shared memory, by the span of the pattern.
enum class Swizzle : uint8_t { None, B32, B64, B128 };

/// The 128 bytes that a kernel takes as GK_TENSOR_MAP.
struct alignas(64) EncodedTensorMap {
  std::array<uint8_t, 128> bytes;
};

/// A tensor in global memory and the box of it that one copy moves. Dimensions count elements, the
/// fastest first; strides[i] is the distance in bytes between neighbours in dimension i + 1.
struct TensorMapShape {
  std::vector<uint64_t> dims, strides;
  std::vector<uint32_t> box;
};

/// Refuses (InvalidArgument, with the reason) what the driver refuses: a base or stride that is no
/// multiple of 16 bytes, a stride of 2^40 bytes or more, a dimension of 0 or beyond 2^32, a box
/// side of 0 or beyond 256, an inner side that is no multiple of 16 bytes or exceeds the swizzle's
/// span, a box larger than shared memory. A stride of 0 repeats a row.
StatusOr<EncodedTensorMap> encodeTensorMap(const void *base, TensorMapType type,
                                           const TensorMapShape &shape, Swizzle swizzle);

/// A map as the copy engine reads it.
struct TensorMap {
  uint64_t magic, base;
  uint8_t elementBytes, rank;
  TensorMapType type;
  Swizzle swizzle;
  uint16_t box[4]; ///< 256 at most
  uint64_t dims[4], strides[3];

  /// False where the bytes are no map.
  static bool decode(const void *bytes, TensorMap &map);
  uint32_t rowBytes() const { return box[0] * elementBytes; }
  uint32_t boxBytes() const;
};

/// Where the chunk at a shared address lies under a swizzle.
inline uint32_t swizzled(uint32_t address, Swizzle swizzle) {
  constexpr uint32_t kMask[] = {0, 1, 3, 7};
  return address ^ ((address >> 7 & kMask[static_cast<int>(swizzle)]) << 4);
}

/// Calls visit(shared address, global address, first, last) for each 16-byte chunk of the box at
/// `coordinates`: its elements first to last - 1 lie in the tensor (none where first >= last), the
/// global address is that of its element 0.
template <typename Visit>
void forEachChunk(const TensorMap &map, uint32_t shared, const int *coordinates, Visit visit) {
  const int64_t perChunk = 16 / map.elementBytes;
  uint32_t rows = map.boxBytes() / map.rowBytes();
  for (uint32_t row = 0; row < rows; ++row) {
    bool isInside = true;
    uint64_t offset = 0; // of rows outside of the tensor it means nothing
    uint32_t rest = row;
    for (int d = 1; d < map.rank; ++d) {
      int64_t at = coordinates[d] + static_cast<int64_t>(rest % map.box[d]);
      rest /= map.box[d];
      isInside = isInside && at >= 0 && at < static_cast<int64_t>(map.dims[d]);
      offset += static_cast<uint64_t>(at) * map.strides[d - 1];
    }
    for (uint32_t byte = 0; byte < map.rowBytes(); byte += 16) {
      int64_t at = coordinates[0] + static_cast<int64_t>(byte / map.elementBytes);
      int64_t first = isInside ? std::max<int64_t>(0, -at) : perChunk;
      int64_t last =
          isInside ? std::min<int64_t>(perChunk, static_cast<int64_t>(map.dims[0]) - at) : 0;
      visit(swizzled(shared + row * map.rowBytes() + byte, map.swizzle),
            map.base + offset + static_cast<uint64_t>(at * map.elementBytes),
            static_cast<int>(first), static_cast<int>(last));
    }
  }
}

} // namespace heddle::emulator

#endif // HEDDLE_RUNTIME_CUDA_EMULATOR_TENSORMAP_H
