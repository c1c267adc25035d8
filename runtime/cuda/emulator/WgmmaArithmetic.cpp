// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "runtime/cuda/emulator/Bf16.h"
#include "runtime/cuda/emulator/WgmmaOperands.h"

namespace heddle::emulator {
namespace {

constexpr uint32_t kRows = 64, kMaxColumns = 256, kMaxDepth = 16;

/// A as [row][k], B as [k][column], D as [row][column].
struct Matrices {
  float a[kRows][kMaxDepth], b[kMaxDepth][kMaxColumns], d[kRows][kMaxColumns];
};

/// Sets element (row, k) for all elements of an operand in shared memory.
template <typename Set>
void readOperand(Block &block, uint64_t descriptor, bool isMnMajor, uint32_t elementBytes,
                 uint32_t rows, Set set) {
  forEachOperandChunk(descriptor, isMnMajor, elementBytes, rows,
                      [&](uint32_t address, uint32_t row, uint32_t k) {
                        const uint8_t *bytes = block.at(address);
                        for (uint32_t i = 0; i < 16 / elementBytes; ++i) {
                          uint32_t word = 0;
                          memcpy(&word, bytes + i * elementBytes, elementBytes);
                          float value = elementBytes == 2 ? lowBf16(word) : tf32(word);
                          isMnMajor ? set(row + i, k, value) : set(row, k + i, value);
                        }
                      });
}

/// A in registers: fragments as mma.sync has them, 16 rows a warp.
void readRegisters(const WgmmaOperation &operation, Matrices &m) {
  for (uint32_t thread = 0; thread < kWarpgroupSize; ++thread) {
    uint32_t w = thread / 32, g = thread % 32 / 4, t = thread % 4;
    for (uint32_t i = 0; i < 4; ++i) {
      uint32_t value = operation.registers[4 * thread + i];
      float *row = m.a[16 * w + g + 8 * (i & 1)];
      if (operation.call.elementBytes == 2) {
        row[2 * t + 8 * (i >> 1)] = lowBf16(value);
        row[2 * t + 8 * (i >> 1) + 1] = highBf16(value);
      } else {
        row[t + 4 * (i >> 1)] = tf32(value);
      }
    }
  }
}

__attribute__((always_inline)) inline void multiplyRows(Matrices &m, uint32_t columns,
                                                        uint32_t depth) {
  for (uint32_t row = 0; row < kRows; ++row) {
    float *d = m.d[row];
    std::fill_n(d, columns, 0.0f);
    for (uint32_t k = 0; k < depth; ++k) {
      float a = m.a[row][k];
      const float *b = m.b[k];
      for (uint32_t column = 0; column < columns; ++column)
        d[column] += a * b[column];
    }
  }
}

// The same arithmetic in wider registers: without FMA, so that machines agree bit for bit.
__attribute__((target("avx2"))) void multiplyAvx2(Matrices &m, uint32_t columns, uint32_t depth) {
  multiplyRows(m, columns, depth);
}

void multiply(Matrices &m, uint32_t columns, uint32_t depth) {
  static const bool hasAvx2 = __builtin_cpu_supports("avx2");
  if (hasAvx2)
    multiplyAvx2(m, columns, depth);
  else
    multiplyRows(m, columns, depth);
}

} // namespace

void computeWgmma(Block &block, const WgmmaOperation &operation) {
  static thread_local Matrices m;
  const gk_WgmmaCall &call = operation.call;
  if (operation.hasRegisters)
    readRegisters(operation, m);
  else
    readOperand(block, call.descriptorA, call.transposeA, call.elementBytes, kRows,
                [](uint32_t row, uint32_t k, float value) { m.a[row][k] = value; });
  readOperand(block, call.descriptorB, call.transposeB, call.elementBytes, call.columns,
              [](uint32_t column, uint32_t k, float value) { m.b[k][column] = value; });
  multiply(m, call.columns, 32 / call.elementBytes);
  for (uint32_t thread = 0; thread < kWarpgroupSize; ++thread) {
    uint32_t w = thread / 32, g = thread % 32 / 4, t = thread % 4;
    float *accumulator = operation.accumulators[thread];
    for (uint32_t i = 0; i < call.columns / 2; ++i) {
      float value = m.d[16 * w + g + 8 * (i >> 1 & 1)][8 * (i >> 2) + 2 * t + (i & 1)];
      accumulator[i] = call.accumulate ? accumulator[i] + value : value;
    }
  }
}

} // namespace heddle::emulator
