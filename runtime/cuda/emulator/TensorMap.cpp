// SPDX-License-Identifier: Apache-2.0
#include "runtime/cuda/emulator/TensorMap.h"

#include <cstring>

namespace heddle::emulator {
namespace {

constexpr uint64_t kMagic = 0x70616d2d6c646468; // no driver's map begins so
constexpr uint32_t kMaxBoxBytes = 232448;

uint32_t swizzleSpan(Swizzle swizzle) { return 16u << static_cast<int>(swizzle); }

} // namespace

StatusOr<EncodedTensorMap> encodeTensorMap(const void *base, TensorMapType type,
                                           const TensorMapShape &shape, Swizzle swizzle) {
  size_t rank = shape.dims.size();
  if (rank < 1 || rank > 4 || shape.box.size() != rank || shape.strides.size() + 1 != rank)
    return invalidInput("a tensor map of ", rank, " dimensions, ", shape.strides.size(),
                        " strides and ", shape.box.size(), " box sides");
  static_assert(sizeof(TensorMap) <= sizeof(EncodedTensorMap));
  TensorMap map{};
  map.magic = kMagic;
  map.base = reinterpret_cast<uint64_t>(base);
  map.elementBytes = type == TensorMapType::F32 ? 4 : 2;
  map.rank = static_cast<uint8_t>(rank);
  map.type = type;
  map.swizzle = swizzle;
  if (map.base % 16)
    return invalidInput("a tensor map's base is no multiple of 16 bytes");
  uint64_t boxBytes = map.elementBytes;
  for (size_t d = 0; d < rank; ++d) {
    if (shape.dims[d] == 0 || shape.dims[d] > uint64_t{1} << 32)
      return invalidInput("a tensor map's dimension ", d, " is ", shape.dims[d]);
    if (shape.box[d] == 0 || shape.box[d] > 256)
      return invalidInput("a tensor map's box is ", shape.box[d], " wide in dimension ", d,
                          ", 256 at most");
    map.dims[d] = shape.dims[d];
    map.box[d] = static_cast<uint16_t>(shape.box[d]);
    boxBytes *= shape.box[d];
  }
  for (size_t d = 0; d + 1 < rank; ++d) {
    if (shape.strides[d] % 16 || shape.strides[d] >= uint64_t{1} << 40)
      return invalidInput("a tensor map's stride ", d, " is ", shape.strides[d],
                          " bytes, which must be a multiple of 16 below 2^40");
    map.strides[d] = shape.strides[d];
  }
  if (map.rowBytes() % 16)
    return invalidInput("a tensor map's box is ", map.rowBytes(),
                        " bytes wide, which must be a multiple of 16");
  if (swizzle != Swizzle::None && map.rowBytes() > swizzleSpan(swizzle))
    return invalidInput("a tensor map's box is ", map.rowBytes(), " bytes wide, the swizzle spans ",
                        swizzleSpan(swizzle));
  if (boxBytes > kMaxBoxBytes)
    return invalidInput("a tensor map's box has ", boxBytes, " bytes, shared memory ",
                        kMaxBoxBytes);
  EncodedTensorMap encoded{};
  memcpy(encoded.bytes.data(), &map, sizeof map);
  return encoded;
}

bool TensorMap::decode(const void *bytes, TensorMap &map) {
  memcpy(&map, bytes, sizeof map);
  return map.magic == kMagic;
}

uint32_t TensorMap::boxBytes() const {
  uint32_t bytes = elementBytes;
  for (int d = 0; d < rank; ++d)
    bytes *= box[d];
  return bytes;
}

} // namespace heddle::emulator
