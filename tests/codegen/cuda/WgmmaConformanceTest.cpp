// SPDX-License-Identifier: Apache-2.0
// wgmma in every layout of its operands that kernels may use: K-major, MN-major and registers, each
// with and without the three swizzles, over two spans of a swizzle along k.
#include <gtest/gtest.h>

#include "tests/codegen/cuda/EmulatedKernel.h"

namespace heddle::test {
namespace {

using emulator::Swizzle;
using emulator::swizzled;

constexpr Swizzle kSwizzles[] = {Swizzle::None, Swizzle::B32, Swizzle::B64, Swizzle::B128};

uint32_t modeOf(Swizzle swizzle) {
  return swizzle == Swizzle::None ? 0 : 4 - static_cast<uint32_t>(swizzle);
}

/// As kernels/Wgmma.cu has it.
struct Image {
  const void *bytes;
  int chunks;
  const int *offsets;
  uint32_t leading, stride;
};

struct Matrix {
  int rows, depth; ///< [row][k]
  std::vector<int> values;
};

/// The matrix as it lies in shared memory (device/Wgmma.cuh), in elements of `size` bytes.
Image makeImage(Memory &memory, const Matrix &matrix, bool isMnMajor, Swizzle swizzle, int size) {
  int rows = matrix.rows, depth = matrix.depth;
  int width = (16 << static_cast<int>(swizzle)) / size; // elements in a row of the image
  auto *bytes = memory.make<uint8_t>(rows * depth * size);
  for (int row = 0; row < rows; ++row)
    for (int k = 0; k < depth; ++k) {
      int major = isMnMajor ? row : k, minor = isMnMajor ? k : row;
      int minors = isMnMajor ? depth : rows;
      int at = (major / width * minors + minor) * width + major % width;
      uint32_t byte = swizzled(static_cast<uint32_t>(at * size), swizzle);
      auto value = static_cast<float>(matrix.values[row * depth + k]);
      uint16_t narrow = emulator::toBf16(value);
      memcpy(bytes + byte, size == 2 ? static_cast<void *>(&narrow) : &value, size);
    }
  int step = 32 / size; // k of one instruction
  std::vector<int> offsets;
  for (int k = 0; k < depth; k += step)
    offsets.push_back(isMnMajor ? k * width * size
                      : swizzle == Swizzle::None
                          ? k * size * rows
                          : k / width * rows * width * size + k % width * size);
  Image image{bytes, rows * depth * size / 16, memory.make(offsets), 16, 128};
  auto span = static_cast<uint32_t>(width * size);
  if (isMnMajor) {
    image.leading = swizzle == Swizzle::None ? 128 : depth * span;
    image.stride = swizzle == Swizzle::None ? depth * 16 : 8 * span;
  } else if (swizzle == Swizzle::None) {
    image.leading = rows * 16;
  } else {
    image.stride = 8 * span;
  }
  return image;
}

/// The fragments of each k step and thread (device/Warp.cuh), for A in registers.
std::vector<uint32_t> fragments(const Matrix &a, int size) {
  int step = 32 / size;
  std::vector<uint32_t> registers;
  for (int k0 = 0; k0 < a.depth; k0 += step)
    for (int thread = 0; thread < 128; ++thread)
      for (int i = 0; i < 4; ++i) {
        int row = thread / 32 * 16 + thread % 32 / 4 + 8 * (i & 1), t = thread % 4;
        auto at = [&](int k) { return static_cast<float>(a.values[row * a.depth + k]); };
        int k = k0 + (size == 2 ? 2 * t + 8 * (i >> 1) : t + 4 * (i >> 1));
        registers.push_back(size == 2 ? emulator::toBf16(at(k)) |
                                            uint32_t{emulator::toBf16(at(k + 1))} << 16
                                      : bits(at(k)));
      }
  return registers;
}

void check(const std::string &type, int n, const std::string &layout) {
  int size = type == "bf16" ? 2 : 4, depth = 256 / size; // two spans of 128 bytes
  Matrix a{64, depth, smallIntegers(64 * depth, n)}, b{n, depth, smallIntegers(n * depth, n + 1)};
  std::vector<int> expected(64 * n);
  for (int i = 0; i < 64; ++i)
    for (int j = 0; j < n; ++j)
      for (int k = 0; k < depth; ++k)
        expected[i * n + j] += a.values[i * depth + k] * b.values[j * depth + k];
  for (Swizzle swizzle : kSwizzles) {
    Memory memory;
    Image imageA = makeImage(memory, a, layout[0] == 'm', swizzle, size);
    Image imageB = makeImage(memory, b, layout[1] == 'm', swizzle, size);
    float *d = memory.make<float>(64 * n);
    std::string kernel = "wgmma_" + type + "_n" + std::to_string(n) + "_" + layout;
    EmulatedKernels::ofFile("Wgmma.cu")
        .run(kernel, {{1, 1, 1}, 1, 128, static_cast<uint32_t>((64 + n) * depth * size)}, memory,
             imageA, imageB, depth * size / 32, modeOf(swizzle), memory.make(fragments(a, size)),
             d);
    int wrong = 0;
    for (int i = 0; i < 64 * n; ++i)
      wrong += d[i] != static_cast<float>(expected[i]);
    EXPECT_EQ(wrong, 0) << kernel << " with mode " << modeOf(swizzle);
  }
}

TEST(WgmmaConformance, bf16_in_every_layout) {
  for (int n : {64, 256})
    for (const char *layout : {"kk", "km", "mk", "mm", "rk", "rm"})
      check("bf16", n, layout);
}
TEST(WgmmaConformance, tf32_in_every_layout) {
  for (int n : {64, 256})
    for (const char *layout : {"kk", "rk"})
      check("tf32", n, layout);
}
TEST(WgmmaConformance, columns_between) {
  for (int n : {128, 192}) {
    check("bf16", n, "kk");
    check("bf16", n, "mm");
    check("tf32", n, "kk");
  }
}

} // namespace
} // namespace heddle::test
