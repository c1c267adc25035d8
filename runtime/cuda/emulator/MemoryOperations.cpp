// SPDX-License-Identifier: Apache-2.0
// Ordinary loads and stores, atomics, ids and arithmetic.
#include <cmath>
#include <cstring>

#include "runtime/cuda/emulator/Machine.h"
#include "runtime/cuda/emulator/Operations.h"

namespace heddle::emulator {
namespace {

const gk_Ids *ids() { return &machine().current().ids; }
unsigned char *sharedBase() { return machine().current().block->shared; }

uint32_t addressOf(const Block &block, const void *pointer) {
  return static_cast<uint32_t>(static_cast<const uint8_t *>(pointer) - block.shared) + kSharedBase;
}
unsigned sharedAddress(const void *pointer) {
  return addressOf(*machine().current().block, pointer);
}

void touchAccumulators(Machine &machine, uint64_t first, uint64_t last, bool isWrite,
                       const void *pc) {
  for (Accumulator &accumulator : machine.current().accumulators) {
    if (first >= accumulator.last || last <= accumulator.first)
      continue;
    accumulator.isTouched = true;
    if (accumulator.pendingSequence >= 0)
      machine.fault(FaultKind::WgmmaNotWaited, machine.at(pc), 0, [&] {
        return absl::StrCat(isWrite ? "write" : "read",
                            " of an accumulator before wait_group covers its wgmma");
      });
  }
}

// Beyond a block's bytes, but nowhere near anything else: meant for shared memory.
constexpr uint64_t kNearShared = 512 << 10;

void access(const void *pc, const void *pointer, unsigned long long bytes, int kind) {
  Machine &m = machine();
  CudaThread &thread = m.current();
  auto address = reinterpret_cast<uint64_t>(pointer);
  bool isWrite = kind & gk_kWrite;
  if (m.isStack(address)) {
    if (m.checks() && !thread.accumulators.empty())
      touchAccumulators(m, address, address + bytes, isWrite, pc);
    return;
  }
  if (bytes == 0)
    return;
  m.countStep(pc);
  const char *what = isWrite ? "store" : "load";
  if (!(kind & gk_kMayBeUnaligned) && address % bytes)
    m.fatal(FaultKind::Alignment, m.at(pc), [&] {
      return absl::StrCat(what, " of ", bytes, " bytes at an address that is no multiple of them");
    });
  uint64_t offset = address - reinterpret_cast<uint64_t>(thread.block->shared);
  if (offset < kNearShared) {
    auto shared = static_cast<uint32_t>(offset) + kSharedBase;
    auto size = static_cast<uint32_t>(bytes);
    uint32_t at = m.at(pc);
    m.checkShared(shared, size, at, what);
    if (!m.checks())
      return;
    if (isWrite)
      m.writeCells(*thread.block, shared, size, m.ordinary(at), false, what);
    else
      m.readCells(*thread.block, shared, size, m.ordinary(at), what);
    return;
  }
  if (m.memory().contains(address, bytes) || (!isWrite && m.object().contains(address, bytes)))
    return;
  m.checkGlobal(address, bytes, m.at(pc), what);
}

/// The block whose shared memory is meant: rank -1 is the running thread's.
Block &targetBlock(Machine &m, int rank, uint32_t pc) {
  Block &own = *m.current().block;
  if (rank < 0)
    return own;
  if (static_cast<uint32_t>(rank) >= m.clusterSize())
    m.fatal(FaultKind::SharedBounds, pc, [&] {
      return absl::StrCat("shared memory of block ", rank, " in a cluster of ", m.clusterSize());
    });
  Block &block = m.blockOf(rank);
  if (&block != &own && block.running == 0)
    m.fault(FaultKind::BlockExited, pc, 0, [&] {
      return absl::StrCat("shared memory of block ", rank, " of the cluster, which has ended");
    });
  return block;
}

void checkAligned(Machine &m, uint32_t address, uint32_t bytes, uint32_t pc) {
  if (address % bytes)
    m.fatal(FaultKind::Alignment, pc, [&] {
      return absl::StrCat(bytes, " bytes at byte ", static_cast<int64_t>(address) - kSharedBase,
                          " of shared memory, which is no multiple of them");
    });
}

void loadShared(const void *pc, void *values, unsigned address, int rank, unsigned bytes) {
  Machine &m = machine();
  uint32_t at = m.at(pc);
  m.checkShared(address, bytes, at, "load");
  checkAligned(m, address, bytes, at);
  Block &block = targetBlock(m, rank, at);
  if (m.checks())
    m.readCells(block, address, bytes, m.ordinary(at), "load");
  memcpy(values, block.at(address), bytes);
}

void storeShared(const void *pc, const void *values, unsigned address, int rank, unsigned bytes) {
  Machine &m = machine();
  uint32_t at = m.at(pc);
  m.checkShared(address, bytes, at, "store");
  checkAligned(m, address, bytes, at);
  Block &block = targetBlock(m, rank, at);
  if (m.checks())
    m.writeCells(block, address, bytes, m.ordinary(at), false, "store");
  memcpy(block.at(address), values, bytes);
}

template <typename T> T add(const void *pc, T *target, T value) {
  Machine &m = machine();
  uint32_t at = m.at(pc);
  m.checkGlobal(reinterpret_cast<uint64_t>(target), sizeof(T), at, "atomic");
  if (reinterpret_cast<uint64_t>(target) % sizeof(T))
    m.fatal(FaultKind::Alignment, at, [] { return "atomic at an address that is not aligned"; });
  T before = *target;
  *target = before + value;
  return before;
}

float math(int function, float x) {
  switch (function) {
  case gk_kExp2:
    return std::exp2(x);
  case gk_kLog2:
    return std::log2(x);
  case gk_kTanh:
    return std::tanh(x);
  case gk_kReciprocal:
    return 1.0f / x;
  case gk_kReciprocalRoot:
    return static_cast<float>(1.0 / std::sqrt(static_cast<double>(x)));
  default:
    return std::sqrt(x);
  }
}

} // namespace

void addMemoryOperations(gk_EmulatorAbi &abi) {
  abi.ids = ids;
  abi.sharedBase = sharedBase;
  abi.sharedAddress = sharedAddress;
  abi.access = access;
  abi.loadShared = loadShared;
  abi.storeShared = storeShared;
  abi.atomicAdd = add<unsigned>;
  abi.atomicAddFloat = add<float>;
  abi.math = math;
  abi.fma = [](float a, float b, float c) { return std::fma(a, b, c); };
}

} // namespace heddle::emulator
