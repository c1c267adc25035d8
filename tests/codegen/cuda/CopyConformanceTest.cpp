// SPDX-License-Identifier: Apache-2.0
// Asynchronous copies against their definition: cp.async, tensor maps, bulk copies, clusters.
#include <functional>

#include <gtest/gtest.h>

#include "tests/codegen/cuda/ExchangeRun.h"

namespace heddle::test {
namespace {

using emulator::EncodedTensorMap;
using emulator::Swizzle;
using emulator::swizzled;
using emulator::TensorMapShape;
using emulator::TensorMapType;

TEST(CopyConformance, cp_async_fills_with_zeros) {
  for (int bytes : {16, 8, 4}) {
    constexpr int kChunks = 200;
    std::vector<uint8_t> source(kChunks * bytes);
    std::vector<int> valid(kChunks);
    for (size_t i = 0; i < source.size(); ++i)
      source[i] = static_cast<uint8_t>(1 + i * 7 % 255);
    for (int i = 0; i < kChunks; ++i)
      valid[i] = i % (bytes + 1);
    Memory memory;
    uint8_t *to = memory.make<uint8_t>(source.size());
    EmulatedKernels::ofFile("CpAsync.cu")
        .run("cp_async_" + std::to_string(bytes),
             {{1, 1, 1}, 1, 128, static_cast<uint32_t>(source.size())}, memory, memory.make(source),
             to, memory.make(valid), kChunks);
    for (int i = 0; i < kChunks; ++i)
      for (int b = 0; b < bytes; ++b)
        ASSERT_EQ(to[(kChunks - 1 - i) * bytes + b], b < valid[i] ? source[i * bytes + b] : 0)
            << bytes << " bytes, chunk " << i;
  }
}

struct Place {
  int rank, x, y, z, w;
  int operator[](int d) const { return d == 0 ? x : d == 1 ? y : d == 2 ? z : w; }
};

/// A tensor of 2-byte or 4-byte elements in memory that is wider than it.
struct Tensor {
  std::vector<uint64_t> dims;  ///< fastest first
  std::vector<uint64_t> pitch; ///< elements from one row (plane, ...) to the next
  uint32_t elementBytes;
  size_t elements() const { return pitch.back() * dims.back(); }
  TensorMapShape shape(const std::vector<uint32_t> &box) const {
    TensorMapShape shape{dims, {}, box};
    for (uint64_t p : pitch)
      shape.strides.push_back(p * elementBytes);
    return shape;
  }
  /// Where an element lies, or -1 where there is none.
  int64_t offset(const std::vector<int64_t> &at) const {
    int64_t offset = 0;
    for (size_t d = 0; d < dims.size(); ++d) {
      if (at[d] < 0 || at[d] >= static_cast<int64_t>(dims[d]))
        return -1;
      offset += at[d] * static_cast<int64_t>(d ? pitch[d - 1] : 1);
    }
    return offset;
  }
};

/// Calls visit(byte in shared memory, offset of the element or -1) for each element of a box.
void forEachElement(const Tensor &tensor, const std::vector<uint32_t> &box, const Place &place,
                    Swizzle swizzle, const std::function<void(uint32_t, int64_t)> &visit) {
  uint32_t count = 1;
  for (uint32_t side : box)
    count *= side;
  for (uint32_t i = 0; i < count; ++i) {
    std::vector<int64_t> at;
    uint32_t rest = i;
    for (size_t d = 0; d < box.size(); ++d) {
      at.push_back(place[static_cast<int>(d)] + static_cast<int64_t>(rest % box[d]));
      rest /= box[d];
    }
    visit(swizzled(i * tensor.elementBytes, swizzle), tensor.offset(at));
  }
}

struct TmaCase {
  Tensor tensor;
  std::vector<uint32_t> box;
  std::vector<Place> places;
};

/// Boxes inside, before the beginning and beyond the end in each dimension. Inner widths are odd,
/// so that a 16-byte chunk is cut.
std::vector<TmaCase> tmaCases(uint32_t inner, uint32_t elementBytes) {
  Tensor matrix{{71, 100}, {72}, elementBytes}, cube{{71, 9, 5}, {72, 720}, elementBytes},
      four{{39, 7, 3, 4}, {40, 280, 1120}, elementBytes};
  std::vector<Place> flat;
  for (int x : {0, -16, 8, 40, 64, 200})
    for (int y : {0, -3, 90, 300})
      flat.push_back({2, x, y, 0, 0});
  return {{matrix, {inner, 16}, flat},
          {cube, {inner, 4, 2}, {{3, 0, 0, 0, 0}, {3, 64, 7, 4, 0}, {3, -8, -2, -1, 0}}},
          {four,
           {inner, 8, 1, 1},
           {{4, 0, 0, 1, 2}, {4, 8, 3, 2, 3}, {4, 0, 0, 3, 0}, {4, 32, -4, 0, -1}}}};
}

uint32_t innerElements(Swizzle swizzle, uint32_t elementBytes) {
  return (swizzle == Swizzle::None ? 64 : 16u << static_cast<int>(swizzle)) / elementBytes;
}

/// Contents that tell elements apart.
template <typename T> T element(size_t i) { return static_cast<T>(1 + i % 30011); }

template <typename T> void checkTma(TensorMapType type, Swizzle swizzle) {
  const EmulatedKernels &kernels = EmulatedKernels::ofFile("Tma.cu");
  for (const TmaCase &test : tmaCases(innerElements(swizzle, sizeof(T)), sizeof(T)))
    for (const Place &place : test.places) {
      Memory memory;
      T *source = memory.make<T>(test.tensor.elements());
      T *target = memory.make<T>(test.tensor.elements());
      for (size_t i = 0; i < test.tensor.elements(); ++i)
        source[i] = element<T>(i);
      int bytes = static_cast<int>(sizeof(T));
      for (uint32_t side : test.box)
        bytes *= static_cast<int>(side);
      emulator::LaunchShape launch{{1, 1, 1}, 1, 64, static_cast<uint32_t>(bytes) + 8};
      T *image = memory.make<T>(bytes / sizeof(T));
      auto map = [&](T *base) {
        return tensorMap(base, type, test.tensor.shape(test.box), swizzle);
      };
      kernels.run("tma_load", launch, memory, map(source), image, bytes, place);
      std::vector<T> expected(test.tensor.elements());
      forEachElement(test.tensor, test.box, place, swizzle, [&](uint32_t byte, int64_t offset) {
        ASSERT_EQ(image[byte / sizeof(T)], offset < 0 ? T(0) : source[offset])
            << "rank " << place.rank << " at " << place.x << "," << place.y;
        if (offset >= 0)
          expected[offset] = source[offset];
      });
      kernels.run("tma_store", launch, memory, map(target), image, bytes, place, 0);
      for (size_t i = 0; i < expected.size(); ++i)
        ASSERT_EQ(target[i], expected[i]) << "store, element " << i;
    }
}

TEST(CopyConformance, tma_in_two_bytes_without_swizzle) {
  checkTma<uint16_t>(TensorMapType::U16, Swizzle::None);
}
TEST(CopyConformance, tma_in_two_bytes_with_every_swizzle) {
  for (Swizzle swizzle : {Swizzle::B32, Swizzle::B64, Swizzle::B128})
    checkTma<uint16_t>(TensorMapType::BF16, swizzle);
}
TEST(CopyConformance, tma_in_four_bytes) {
  for (Swizzle swizzle : {Swizzle::None, Swizzle::B128})
    checkTma<float>(TensorMapType::F32, swizzle);
}

TEST(CopyConformance, tma_adds_f32_and_bf16) {
  const EmulatedKernels &kernels = EmulatedKernels::ofFile("Tma.cu");
  for (bool isF32 : {true, false}) {
    Memory memory;
    constexpr int kCount = 32 * 8;
    uint32_t size = isF32 ? 4 : 2;
    auto *target = memory.make<uint8_t>(kCount * size), *in = memory.make<uint8_t>(kCount * size);
    auto put = [&](uint8_t *at, int i, float x) {
      uint16_t narrow = emulator::toBf16(x);
      memcpy(at + i * size, isF32 ? static_cast<void *>(&x) : &narrow, size);
    };
    for (int i = 0; i < kCount; ++i) {
      put(target, i, static_cast<float>(i % 9));
      put(in, i, static_cast<float>(i % 7 - 3));
    }
    EncodedTensorMap map = tensorMap(target, isF32 ? TensorMapType::F32 : TensorMapType::BF16,
                                     {{32, 8}, {32 * size}, {32, 8}}, Swizzle::None);
    for (int repeat = 0; repeat < 3; ++repeat)
      kernels.run("tma_store", {{1, 1, 1}, 1, 64, kCount * 4}, memory, map, in,
                  static_cast<int>(kCount * size), Place{2, 0, 0, 0, 0}, 1);
    for (int i = 0; i < kCount; ++i) {
      float x = 0;
      uint16_t narrow;
      memcpy(isF32 ? static_cast<void *>(&x) : &narrow, target + i * size, size);
      EXPECT_EQ(isF32 ? x : emulator::fromBf16(narrow), i % 9 + 3 * (i % 7 - 3));
    }
  }
}

TEST(CopyConformance, bulk_copies_in_one_dimension) {
  std::vector<uint8_t> in(752);
  for (size_t i = 0; i < in.size(); ++i)
    in[i] = static_cast<uint8_t>(i * 11 + 5);
  Memory memory;
  uint8_t *out = memory.make<uint8_t>(in.size());
  EmulatedKernels::ofFile("Tma.cu").run("bulk_copy", {{1, 1, 1}, 1, 32, 2048}, memory,
                                        memory.make(in), out, static_cast<int>(in.size()));
  EXPECT_EQ(std::vector<uint8_t>(out, out + in.size()), in);
}

TEST(CopyConformance, cluster_shares_loads_words_and_arrivals) {
  for (int blocks : {2, 4, 8})
    for (uint64_t seed : {0, 1, 2}) {
      Outcome outcome = runExchange(EmulatedKernels::ofFile("Cluster.cu"), blocks, {true, seed});
      EXPECT_TRUE(outcome.result.isFinished && outcome.result.faults.empty())
          << outcome.result.text();
      EXPECT_EQ(outcome.wrong, 0) << blocks << " blocks";
    }
}

} // namespace
} // namespace heddle::test
