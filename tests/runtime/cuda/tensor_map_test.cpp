// SPDX-License-Identifier: Apache-2.0
// Tensor maps are refused for what the driver refuses them for, and walked chunk by chunk.
#include "runtime/cuda/emulator/TensorMap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/runtime/TempFolder.h"

namespace heddle::emulator {
namespace {

alignas(64) uint8_t memory[4096];

StatusOr<EncodedTensorMap> encode(const TensorMapShape &shape, Swizzle swizzle = Swizzle::B128,
                                  size_t offset = 0) {
  return encodeTensorMap(memory + offset, TensorMapType::BF16, shape, swizzle);
}

TEST(TensorMap, takes_what_the_driver_takes) {
  EXPECT_THAT(encode({{64, 16}, {128}, {64, 16}}), test::IsOk());
  EXPECT_THAT(encode({{64, 1000}, {128}, {64, 256}}), test::IsOk());
  EXPECT_THAT(encode({{119, 16}, {240}, {64, 16}}), test::IsOk()) << "an odd width";
  EXPECT_THAT(encode({{8, 2}, {16}, {64, 16}}), test::IsOk()) << "a box beyond the tensor";
  EXPECT_THAT(encode({{64, 16}, {0}, {64, 16}}), test::IsOk()) << "a repeated row";
  EXPECT_THAT(encode({{uint64_t{1} << 32, 16}, {(uint64_t{1} << 40) - 16}, {64, 16}}),
              test::IsOk());
  EXPECT_THAT(encode({{128, 16}, {256}, {128, 16}}, Swizzle::None), test::IsOk());
}

TEST(TensorMap, refuses_what_the_driver_refuses) {
  using test::IsBadInput;
  EXPECT_THAT(encode({{64, 1000}, {128}, {64, 257}}), IsBadInput("257 wide"));
  EXPECT_THAT(encode({{64, 16}, {128}, {0, 16}}), IsBadInput("0 wide"));
  EXPECT_THAT(encode({{128, 16}, {256}, {128, 16}}), IsBadInput("the swizzle spans 128"));
  EXPECT_THAT(encode({{64, 16}, {128}, {32, 16}}, Swizzle::B32), IsBadInput("spans 32"));
  EXPECT_THAT(encode({{64, 16}, {128}, {6, 16}}), IsBadInput("12 bytes wide"));
  EXPECT_THAT(encode({{64, 16}, {136}, {64, 16}}), IsBadInput("136 bytes"));
  EXPECT_THAT(encode({{64, 16}, {uint64_t{1} << 40}, {64, 16}}), IsBadInput("below 2^40"));
  EXPECT_THAT(encode({{64, 0}, {128}, {64, 16}}), IsBadInput("dimension 1 is 0"));
  EXPECT_THAT(encode({{64, 16}, {128}, {64, 16}}, Swizzle::B128, 8), IsBadInput("base"));
  EXPECT_THAT(encode({{64, 256, 16}, {128, 32768}, {64, 256, 8}}), IsBadInput("262144 bytes"));
  EXPECT_THAT(encode({{64, 16}, {}, {64, 16}}), IsBadInput("0 strides"));
}

TEST(TensorMap, walks_a_box_with_its_edges) {
  TensorMapShape shape{{20, 3}, {48}, {16, 4}};
  StatusOr<EncodedTensorMap> encoded = encode(shape, Swizzle::None);
  ASSERT_THAT(encoded, test::IsOk());
  TensorMap map;
  ASSERT_TRUE(TensorMap::decode(encoded->bytes.data(), map));
  EXPECT_EQ(map.boxBytes(), 128u);
  int coordinates[] = {8, 1};
  std::vector<std::array<int, 4>> chunks; // shared address, offset in memory, first, last
  forEachChunk(map, 512, coordinates, [&](uint32_t shared, uint64_t global, int first, int last) {
    chunks.push_back({static_cast<int>(shared),
                      static_cast<int>(global - reinterpret_cast<uint64_t>(memory)), first,
                      first < last ? last : -1});
  });
  using Chunk = std::array<int, 4>;
  EXPECT_THAT(chunks, testing::ElementsAre(Chunk{512, 64, 0, 8}, Chunk{528, 80, 0, 4},
                                           Chunk{544, 112, 0, 8}, Chunk{560, 128, 0, 4},
                                           Chunk{576, 160, 8, -1}, Chunk{592, 176, 8, -1},
                                           Chunk{608, 208, 8, -1}, Chunk{624, 224, 8, -1}));
}

TEST(TensorMap, is_told_from_other_bytes) {
  TensorMap map;
  EncodedTensorMap zeros{};
  EXPECT_FALSE(TensorMap::decode(zeros.bytes.data(), map));
}

TEST(Swizzle, permutes_chunks_by_the_bits_above) {
  EXPECT_EQ(swizzled(0x000, Swizzle::B128), 0x000u);
  EXPECT_EQ(swizzled(0x080, Swizzle::B128), 0x090u);
  EXPECT_EQ(swizzled(0x3f0, Swizzle::B128), 0x380u);
  EXPECT_EQ(swizzled(0x380, Swizzle::B64), 0x3b0u);
  EXPECT_EQ(swizzled(0x380, Swizzle::B32), 0x390u);
  EXPECT_EQ(swizzled(0x380, Swizzle::None), 0x380u);
}

} // namespace
} // namespace heddle::emulator
