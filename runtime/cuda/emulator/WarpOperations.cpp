// SPDX-License-Identifier: Apache-2.0
// What the lanes of a warp do together: the last one to come does it for all. Apart from warpSync
// nothing here orders memory.
#include <cstring>

#include "runtime/cuda/emulator/Bf16.h"
#include "runtime/cuda/emulator/Machine.h"
#include "runtime/cuda/emulator/Operations.h"

namespace heddle::emulator {
namespace {

uint32_t lanesOf(const Machine &m, const CudaThread &thread) {
  uint32_t first = thread.index / kWarpSize * kWarpSize;
  return std::min(kWarpSize, m.shape().threads - first);
}

CudaThread &lane(const CudaThread &thread, uint32_t number) {
  return thread.block->threads[thread.index / kWarpSize * kWarpSize + number];
}

/// Runs `together` in the last lane to come to `operation`; returns when it has been run.
template <typename Together> void meet(Machine &m, WarpOperation operation, Together together) {
  CudaThread &thread = m.current();
  Warp &warp = thread.block->warps[thread.index / kWarpSize];
  if (warp.arrived.empty()) {
    warp.operation = operation;
    warp.pc = thread.pc;
  } else if (warp.operation != operation) {
    m.fault(FaultKind::Divergence, thread.pc, warp.pc, [&] {
      return absl::StrCat("a lane comes to ", operationName(operation), " while others of warp ",
                          thread.index / kWarpSize, " wait in ", operationName(warp.operation));
    });
    m.stop();
  }
  warp.arrived.push_back(&thread);
  if (warp.arrived.size() < lanesOf(m, thread)) {
    m.wait(WaitKind::Warp);
    return;
  }
  together();
  warp.arrived.pop_back();
  m.wake(warp.arrived);
}

void warpSync(const void *pc) {
  Machine &m = machine();
  m.at(pc);
  CudaThread &thread = m.current();
  meet(m, WarpOperation::Sync, [&] {
    if (!m.checks())
      return;
    Clock all;
    for (uint32_t l = 0; l < lanesOf(m, thread); ++l)
      m.release(all, lane(thread, l));
    for (uint32_t l = 0; l < lanesOf(m, thread); ++l) {
      CudaThread &other = lane(thread, l);
      uint32_t own = other.epoch();
      m.join(other.clock, all);
      other.clock[other.agent] = own;
    }
  });
}

uint32_t sourceLane(int mode, uint32_t self, uint32_t argument) {
  switch (mode) {
  case gk_kShuffleXor:
    return self ^ argument;
  case gk_kShuffleIndex:
    return argument % kWarpSize;
  case gk_kShuffleUp:
    return self >= argument ? self - argument : self;
  default:
    return self + argument < kWarpSize ? self + argument : self;
  }
}

unsigned shuffle(const void *pc, unsigned value, int mode, unsigned argument) {
  Machine &m = machine();
  m.at(pc);
  CudaThread &thread = m.current();
  thread.in[0] = value;
  thread.in[1] = argument;
  meet(m, WarpOperation::Shuffle, [&] {
    uint32_t lanes = lanesOf(m, thread);
    for (uint32_t l = 0; l < lanes; ++l) {
      uint32_t from = sourceLane(mode, l, lane(thread, l).in[1]);
      lane(thread, l).out[0] = lane(thread, from < lanes ? from : l).in[0];
    }
  });
  return thread.out[0];
}

/// Checks row `row` of a matrix instruction; `owner` gave its address.
void checkRow(Machine &m, uint32_t address, const char *what) {
  if (address % 16)
    m.fatal(FaultKind::Alignment, m.current().pc,
            [&] { return absl::StrCat(what, ": a row's address is no multiple of 16"); });
  m.checkShared(address, 16, m.current().pc, what);
}

Access accessOf(const CudaThread &thread, uint32_t pc) {
  return {thread.agent, thread.epoch(), &thread.clock, thread.agent, false, pc};
}

void ldmatrix(const void *pc, unsigned *registers, int count, unsigned address, int transpose) {
  Machine &m = machine();
  uint32_t at = m.at(pc);
  CudaThread &thread = m.current();
  thread.in[0] = address;
  meet(m, WarpOperation::Ldmatrix, [&] {
    for (int matrix = 0; matrix < count; ++matrix) {
      uint16_t elements[8][8];
      for (int row = 0; row < 8; ++row) {
        CudaThread &owner = lane(thread, matrix * 8 + row);
        checkRow(m, owner.in[0], "ldmatrix");
        if (m.checks())
          m.readCells(*thread.block, owner.in[0], 16, accessOf(owner, at), "ldmatrix");
        memcpy(elements[row], thread.block->at(owner.in[0]), 16);
      }
      for (uint32_t l = 0; l < kWarpSize; ++l) {
        uint32_t g = l / 4, t2 = l % 4 * 2;
        uint32_t low = transpose ? elements[t2][g] : elements[g][t2];
        uint32_t high = transpose ? elements[t2 + 1][g] : elements[g][t2 + 1];
        lane(thread, l).out[matrix] = low | high << 16;
      }
    }
  });
  memcpy(registers, thread.out, count * sizeof *registers);
}

void stmatrix(const void *pc, const unsigned *registers, int count, unsigned address,
              int transpose) {
  Machine &m = machine();
  uint32_t at = m.at(pc);
  CudaThread &thread = m.current();
  memcpy(thread.in + 1, registers, count * sizeof *registers);
  thread.in[0] = address;
  meet(m, WarpOperation::Stmatrix, [&] {
    for (int matrix = 0; matrix < count; ++matrix) {
      uint16_t elements[8][8];
      for (uint32_t l = 0; l < kWarpSize; ++l) {
        uint32_t value = lane(thread, l).in[1 + matrix], g = l / 4, t2 = l % 4 * 2;
        (transpose ? elements[t2][g] : elements[g][t2]) = static_cast<uint16_t>(value);
        (transpose ? elements[t2 + 1][g] : elements[g][t2 + 1]) =
            static_cast<uint16_t>(value >> 16);
      }
      for (int row = 0; row < 8; ++row) {
        CudaThread &owner = lane(thread, matrix * 8 + row);
        checkRow(m, owner.in[0], "stmatrix");
        if (m.checks())
          m.writeCells(*thread.block, owner.in[0], 16, accessOf(owner, at), false, "stmatrix");
        memcpy(thread.block->at(owner.in[0]), elements[row], 16);
      }
    }
  });
}

/// A and B of all lanes, as matrices, and their product.
struct Tiles {
  float a[16][16], b[16][8], d[16][8];
};

void multiply(Tiles &tiles, int depth) {
  for (int row = 0; row < 16; ++row) {
    float sums[8] = {};
    for (int k = 0; k < depth; ++k)
      for (int column = 0; column < 8; ++column)
        sums[column] += tiles.a[row][k] * tiles.b[k][column];
    std::copy_n(sums, 8, tiles.d[row]);
  }
}

void gatherBf16(const CudaThread &thread, Tiles &tiles) {
  for (uint32_t l = 0; l < kWarpSize; ++l) {
    const uint32_t *in = lane(thread, l).in;
    uint32_t g = l / 4, t = l % 4;
    for (uint32_t i = 0; i < 4; ++i) {
      float *row = tiles.a[g + 8 * (i & 1)] + 2 * t + 8 * (i >> 1);
      row[0] = lowBf16(in[i]);
      row[1] = highBf16(in[i]);
    }
    for (uint32_t i = 0; i < 2; ++i) {
      uint32_t k = 2 * t + 8 * i;
      tiles.b[k][g] = lowBf16(in[4 + i]);
      tiles.b[k + 1][g] = highBf16(in[4 + i]);
    }
  }
}

void gatherTf32(const CudaThread &thread, Tiles &tiles) {
  for (uint32_t l = 0; l < kWarpSize; ++l) {
    const uint32_t *in = lane(thread, l).in;
    uint32_t g = l / 4, t = l % 4;
    for (uint32_t i = 0; i < 4; ++i)
      tiles.a[g + 8 * (i & 1)][t + 4 * (i >> 1)] = tf32(in[i]);
    for (uint32_t i = 0; i < 2; ++i)
      tiles.b[t + 4 * i][g] = tf32(in[4 + i]);
  }
}

void mma(const void *pc, float *c, const unsigned *a, const unsigned *b, int elementBytes) {
  Machine &m = machine();
  m.at(pc);
  CudaThread &thread = m.current();
  memcpy(thread.in, a, 16);
  memcpy(thread.in + 4, b, 8);
  memcpy(thread.in + 6, c, 16);
  meet(m, elementBytes == 2 ? WarpOperation::MmaBf16 : WarpOperation::MmaTf32, [&] {
    Tiles tiles;
    int depth = elementBytes == 2 ? 16 : 8;
    elementBytes == 2 ? gatherBf16(thread, tiles) : gatherTf32(thread, tiles);
    multiply(tiles, depth);
    for (uint32_t l = 0; l < kWarpSize; ++l) {
      CudaThread &owner = lane(thread, l);
      for (uint32_t i = 0; i < 4; ++i) {
        float before;
        memcpy(&before, owner.in + 6 + i, 4);
        float after = before + tiles.d[l / 4 + 8 * (i >> 1)][l % 4 * 2 + (i & 1)];
        memcpy(&owner.out[i], &after, 4);
      }
    }
  });
  memcpy(c, thread.out, 16);
}

} // namespace

const char *operationName(WarpOperation operation) {
  switch (operation) {
  case WarpOperation::Sync:
    return "syncwarp";
  case WarpOperation::Shuffle:
    return "shuffle";
  case WarpOperation::Ldmatrix:
    return "ldmatrix";
  case WarpOperation::Stmatrix:
    return "stmatrix";
  case WarpOperation::MmaBf16:
    return "mma of bf16";
  case WarpOperation::MmaTf32:
    return "mma of tf32";
  }
  return "";
}

void addWarpOperations(gk_EmulatorAbi &abi) {
  abi.warpSync = warpSync;
  abi.shuffle = shuffle;
  abi.ldmatrix = ldmatrix;
  abi.stmatrix = stmatrix;
  abi.mma = mma;
}

} // namespace heddle::emulator
