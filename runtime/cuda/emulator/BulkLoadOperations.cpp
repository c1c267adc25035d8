// SPDX-License-Identifier: Apache-2.0
// Bulk loads: what they write is in flight from the moment they are issued, and lands when no
// thread can go on without it.
#include <cstring>

#include "runtime/cuda/emulator/BulkCopies.h"
#include "runtime/cuda/emulator/Operations.h"

namespace heddle::emulator {

void checkMapOperands(Machine &m, const void *mapBytes, TensorMap &map, uint32_t address, int rank,
                      const int *coordinates, uint32_t pc) {
  if (!TensorMap::decode(mapBytes, map) || map.rank != rank)
    m.fatal(FaultKind::TensorMap, pc,
            [&] { return absl::StrCat("the operand is no tensor map of ", rank, " dimensions"); });
  if (static_cast<int64_t>(coordinates[0]) * map.elementBytes % 16)
    m.fault(FaultKind::TensorMap, pc, 0, [&] {
      return absl::StrCat("the inner coordinate, ", coordinates[0], " elements of ",
                          map.elementBytes, " bytes, is no multiple of 16 bytes: the device traps");
    });
  if (address % 128)
    m.fault(FaultKind::TensorMap, pc, 0, [&] {
      return absl::StrCat("byte ", address - kSharedBase,
                          " of shared memory is no multiple of 128");
    });
  m.checkShared(address, map.boxBytes(), pc, "a box");
}

namespace {

void issue(Machine &m, BulkLoad load, Block &block) {
  CudaThread &thread = m.current();
  if (block.running == 0)
    m.fault(FaultKind::BlockExited, load.pc, 0, [&] {
      return absl::StrCat("load into block ", block.rank, " of the cluster, which has ended");
    });
  Mbarrier &mbarrier = findMbarrier(m, block, load.mbarrier, load.pc, true);
  if (!mbarrier.loadAgent)
    mbarrier.loadAgent = m.newAgent(absl::StrCat("the bulk loads on the mbarrier at byte ",
                                                 load.mbarrier - kSharedBase, " of block ",
                                                 block.rank, " of the cluster"));
  load.agent = mbarrier.loadAgent;
  load.epoch = ++mbarrier.loads;
  load.block = block.rank;
  load.issuer = &thread;
  if (m.checks()) {
    Access access{load.agent, load.epoch, &thread.clock, thread.agent, true, load.pc};
    m.writeCells(block, load.target, load.bytes, access, true, "bulk load");
  }
  m.loads().push_back(load);
}

void tmaLoad(const void *pc, unsigned address, const void *map, unsigned mbarrier, int rank,
             const int *coordinates, unsigned mask) {
  Machine &m = machine();
  BulkLoad load{};
  load.pc = m.at(pc);
  load.hasMap = true;
  checkMapOperands(m, map, load.map, address, rank, coordinates, load.pc);
  std::copy_n(coordinates, rank, load.coordinates);
  load.bytes = load.map.boxBytes();
  load.target = address;
  load.mbarrier = mbarrier;
  if (mask >> m.clusterSize())
    m.fatal(FaultKind::TensorMap, load.pc, [&] {
      return absl::StrCat("multicast mask ", mask, " in a cluster of ", m.clusterSize());
    });
  for (uint32_t rank = 0; rank < m.clusterSize(); ++rank)
    if (mask ? mask >> rank & 1 : rank == m.current().block->rank)
      issue(m, load, m.blockOf(rank));
}

void bulkLoad(const void *pc, unsigned address, const void *source, unsigned bytes,
              unsigned mbarrier) {
  Machine &m = machine();
  BulkLoad load{};
  load.pc = m.at(pc);
  load.source = reinterpret_cast<uint64_t>(source);
  load.bytes = bytes;
  load.target = address;
  load.mbarrier = mbarrier;
  checkBulkOperands(m, load.source, address, bytes, load.pc);
  issue(m, load, *m.current().block);
}

/// Copies a box; what lies outside of the tensor becomes zero.
void copyBox(Machine &m, const BulkLoad &load, Block &block) {
  uint32_t size = load.map.elementBytes;
  forEachChunk(load.map, load.target, load.coordinates,
               [&](uint32_t shared, uint64_t global, int first, int last) {
                 uint8_t *target = block.at(shared);
                 memset(target, 0, 16);
                 if (first >= last)
                   return;
                 uint64_t from = global + first * size;
                 if (m.memory().contains(from, (last - first) * size))
                   memcpy(target + first * size, reinterpret_cast<const void *>(from),
                          (last - first) * size);
                 else
                   m.fault(FaultKind::GlobalBounds, load.pc, 0,
                           [] { return "the load's tensor map reaches beyond its buffer"; });
               });
}

} // namespace

void checkBulkOperands(Machine &m, uint64_t global, uint32_t address, uint32_t bytes, uint32_t pc) {
  if (global % 16 || address % 16 || bytes % 16 || bytes == 0)
    m.fatal(FaultKind::Alignment, pc, [&] {
      return absl::StrCat("a bulk copy of ", bytes,
                          " bytes: addresses and size must be multiples of 16");
    });
  m.checkShared(address, bytes, pc, "a bulk copy");
  m.checkGlobal(global, bytes, pc, "a bulk copy");
}

bool landOneLoad(Machine &m, uint64_t choice) {
  std::vector<BulkLoad> &loads = m.loads();
  if (loads.empty())
    return false;
  size_t index = choice ? choice % loads.size() : loads.size() - 1;
  BulkLoad load = loads[index];
  loads.erase(loads.begin() + static_cast<ptrdiff_t>(index));
  Block &block = m.blockOf(load.block);
  m.actFor(*load.issuer);
  if (load.hasMap)
    copyBox(m, load, block);
  else
    memcpy(block.at(load.target), reinterpret_cast<const void *>(load.source), load.bytes);
  Mbarrier &mbarrier = block.mbarriers.at(load.mbarrier);
  if (m.checks()) {
    uint32_t first = (load.target - kSharedBase) / kCellBytes;
    for (uint32_t cell = first; cell < first + load.bytes / kCellBytes; ++cell)
      block.shadow->land(cell, load.agent, load.epoch, load.epoch);
    mbarrier.current.resize(2 * m.clockWidth());
    uint32_t &known = mbarrier.current[load.agent];
    known = std::max(known, load.epoch);
  }
  mbarrier.bytes -= load.bytes;
  endPhase(m, mbarrier);
  return true;
}

void addBulkLoadOperations(gk_EmulatorAbi &abi) {
  abi.tmaLoad = tmaLoad;
  abi.bulkLoad = bulkLoad;
}

} // namespace heddle::emulator
