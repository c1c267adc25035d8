// SPDX-License-Identifier: Apache-2.0
// Bulk stores and reductions. Shared memory is read when the thread waits for that, global memory
// is written when it waits for the whole or ends: as late as the program allows.
#include <cstring>

#include "runtime/cuda/emulator/Bf16.h"
#include "runtime/cuda/emulator/BulkCopies.h"
#include "runtime/cuda/emulator/Operations.h"

namespace heddle::emulator {
namespace {

void issue(Machine &m, BulkStore store) {
  CudaThread &thread = m.current();
  if (!thread.storeAgent)
    thread.storeAgent =
        m.newAgent(absl::StrCat("the bulk stores of thread ", thread.index, " of block ",
                                thread.block->rank, " of the cluster"));
  store.epoch = ++thread.storeCount;
  if (m.checks()) {
    Access access{thread.storeAgent, store.epoch, &thread.clock, thread.agent, true, store.pc};
    m.readCells(*thread.block, store.source, store.bytes, access, "bulk store");
  }
  thread.stores.push_back(std::move(store));
}

void tmaStore(const void *pc, const void *map, unsigned address, int rank, const int *coordinates,
              int add) {
  Machine &m = machine();
  BulkStore store{};
  store.pc = m.at(pc);
  store.hasMap = true;
  store.isAdd = add;
  checkMapOperands(m, map, store.map, address, rank, coordinates, store.pc);
  std::copy_n(coordinates, rank, store.coordinates);
  store.bytes = store.map.boxBytes();
  store.source = address;
  if (add && store.map.type == TensorMapType::U16)
    m.fatal(FaultKind::Unsupported, store.pc, [] { return "a reduction of u16 elements"; });
  issue(m, std::move(store));
}

void bulkStore(const void *pc, void *target, unsigned address, unsigned bytes) {
  Machine &m = machine();
  BulkStore store{};
  store.pc = m.at(pc);
  store.target = reinterpret_cast<uint64_t>(target);
  store.bytes = bytes;
  store.source = address;
  checkBulkOperands(m, store.target, address, bytes, store.pc);
  issue(m, std::move(store));
}

void addElements(TensorMapType type, uint8_t *to, const uint8_t *from, int count) {
  for (int i = 0; i < count; ++i) {
    if (type == TensorMapType::F32) {
      float a, b;
      memcpy(&a, to + 4 * i, 4);
      memcpy(&b, from + 4 * i, 4);
      a += b;
      memcpy(to + 4 * i, &a, 4);
    } else {
      uint16_t a, b;
      memcpy(&a, to + 2 * i, 2);
      memcpy(&b, from + 2 * i, 2);
      a = toBf16(fromBf16(a) + fromBf16(b));
      memcpy(to + 2 * i, &a, 2);
    }
  }
}

void take(CudaThread &thread, BulkStore &store) {
  if (store.isTaken)
    return;
  const uint8_t *source = thread.block->at(store.source);
  store.data.assign(source, source + store.bytes);
  store.isTaken = true;
}

void write(Machine &m, const BulkStore &store) {
  if (!store.hasMap) {
    memcpy(reinterpret_cast<void *>(store.target), store.data.data(), store.bytes);
    return;
  }
  uint32_t size = store.map.elementBytes;
  forEachChunk(store.map, store.source, store.coordinates,
               [&](uint32_t shared, uint64_t global, int first, int last) {
                 if (first >= last)
                   return;
                 uint64_t target = global + first * size;
                 uint32_t bytes = (last - first) * size;
                 if (!m.memory().contains(target, bytes)) {
                   m.fault(FaultKind::GlobalBounds, store.pc, 0,
                           [] { return "the store's tensor map reaches beyond its buffer"; });
                   return;
                 }
                 auto *to = reinterpret_cast<uint8_t *>(target);
                 const uint8_t *from = store.data.data() + (shared - store.source) + first * size;
                 if (store.isAdd)
                   addElements(store.map.type, to, from, last - first);
                 else
                   memcpy(to, from, bytes);
               });
}

void bulkCommit(const void *) {
  CudaThread &thread = machine().current();
  for (BulkStore &store : thread.stores)
    if (store.group < 0)
      store.group = thread.storeGroups;
  ++thread.storeGroups;
}

void bulkWait(const void *pc, int pending, int readOnly) {
  Machine &m = machine();
  m.at(pc);
  CudaThread &thread = m.current();
  auto isCovered = [&](const BulkStore &store) {
    return store.group >= 0 && store.group < thread.storeGroups - pending;
  };
  for (BulkStore &store : thread.stores) {
    if (!isCovered(store))
      continue;
    take(thread, store);
    if (m.checks())
      thread.clock[thread.storeAgent] = std::max(thread.clock[thread.storeAgent], store.epoch);
    if (!readOnly)
      write(m, store);
  }
  if (!readOnly)
    std::erase_if(thread.stores, isCovered);
}

} // namespace

void finishThread(Machine &m, CudaThread &thread) {
  for (BulkStore &store : thread.stores) {
    if (!store.isTaken)
      m.fault(FaultKind::UnfinishedCopies, store.pc, 0, [] {
        return "the thread ends while a bulk store may still read shared memory "
               "(no wait_group.read)";
      });
    take(thread, store);
    write(m, store);
  }
  if (!thread.cpAsyncs.empty())
    m.fault(FaultKind::UnfinishedCopies, thread.cpAsyncs.front().pc, 0,
            [] { return "the thread ends with a cp.async that it never waited for"; });
  for (const Accumulator &accumulator : thread.accumulators)
    if (accumulator.pendingSequence >= 0)
      m.fault(FaultKind::UnfinishedCopies, thread.pc, 0,
              [] { return "the thread ends with a wgmma that it never waited for"; });
}

void addBulkStoreOperations(gk_EmulatorAbi &abi) {
  abi.tmaStore = tmaStore;
  abi.bulkStore = bulkStore;
  abi.bulkCommit = bulkCommit;
  abi.bulkWait = bulkWait;
}

} // namespace heddle::emulator
