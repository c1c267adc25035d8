// SPDX-License-Identifier: Apache-2.0
// Barriers of blocks and clusters, mbarriers, and the fences that go with them.
#include "runtime/cuda/emulator/Machine.h"
#include "runtime/cuda/emulator/Operations.h"

namespace heddle::emulator {
namespace {

void arrive(Machine &m, NamedBarrier &barrier, uint32_t threads, bool waits, WaitKind kind,
            uint32_t id) {
  CudaThread &thread = m.current();
  if (barrier.expected && barrier.expected != threads)
    m.fault(FaultKind::Barrier, thread.pc, 0, [&] {
      return absl::StrCat("barrier ", id, " of ", threads, " threads, while others wait at it for ",
                          barrier.expected);
    });
  barrier.expected = threads;
  m.release(barrier.clock, thread);
  if (++barrier.arrived < threads) {
    if (waits) {
      barrier.waiting.push_back(&thread);
      m.wait(kind, id);
    }
    return;
  }
  if (waits)
    m.join(thread.clock, barrier.clock);
  for (CudaThread *other : barrier.waiting)
    m.join(other->clock, barrier.clock);
  m.wake(barrier.waiting);
  barrier = {};
}

void barrier(const void *pc, unsigned id, unsigned threads, int waits) {
  Machine &m = machine();
  uint32_t at = m.at(pc), all = m.shape().threads;
  if (id >= kNamedBarriers || threads % kWarpSize || threads > all)
    m.fatal(FaultKind::Barrier, at, [&] {
      return absl::StrCat("barrier ", id, " of ", threads, " threads in a block of ", all,
                          ": barriers are 0 to 15, threads a multiple of 32");
    });
  arrive(m, m.current().block->barriers[id], threads ? threads : all, waits, WaitKind::Barrier, id);
}

void clusterBarrier(const void *pc) {
  Machine &m = machine();
  m.at(pc);
  arrive(m, m.clusterBarrier(), m.threadAgents(), true, WaitKind::ClusterBarrier, 0);
}

void mbarrierInit(const void *pc, unsigned address, unsigned count) {
  Machine &m = machine();
  uint32_t at = m.at(pc);
  CudaThread &thread = m.current();
  m.checkShared(address, 8, at, "mbarrier.init");
  if (address % 8)
    m.fatal(FaultKind::Alignment, at, [] { return "an mbarrier must be 8-byte aligned"; });
  if (count == 0 || count >= 1u << 20)
    m.fatal(FaultKind::Mbarrier, at,
            [&] { return absl::StrCat("an mbarrier for ", count, " arrivals"); });
  Mbarrier mbarrier;
  mbarrier.count = mbarrier.pending = count;
  mbarrier.initAgent = thread.agent;
  if (m.checks()) {
    mbarrier.initEpoch = thread.epoch();
    uint32_t cell = (address - kSharedBase) / kCellBytes;
    m.writeCells(*thread.block, address, 8, m.ordinary(at), false, "mbarrier.init");
    for (uint32_t i = 0; i < 8 / kCellBytes; ++i)
      thread.block->shadow->markMbarrier(cell + i);
  }
  thread.block->mbarriers[address] = mbarrier;
}

/// Shows the mbarriers that this thread has initialised to the async proxy and the cluster.
void fenceMbarriers(CudaThread &thread) {
  for (auto &[address, mbarrier] : thread.block->mbarriers)
    if (mbarrier.initAgent == thread.agent)
      mbarrier.isFenced = true;
}

void mbarrierInitFence(const void *pc) {
  machine().at(pc);
  fenceMbarriers(machine().current());
}

void mbarrierArrive(const void *pc, unsigned address, int rank, unsigned bytes) {
  Machine &m = machine();
  uint32_t at = m.at(pc);
  CudaThread &thread = m.current();
  if (rank >= static_cast<int>(m.clusterSize()))
    m.fatal(FaultKind::Mbarrier, at, [&] {
      return absl::StrCat("arrival at block ", rank, " of a cluster of ", m.clusterSize());
    });
  Block &block = rank < 0 ? *thread.block : m.blockOf(rank);
  if (block.running == 0)
    m.fault(FaultKind::BlockExited, at, 0, [&] {
      return absl::StrCat("arrival at an mbarrier of block ", block.rank,
                          " of the cluster, which has ended");
    });
  Mbarrier &mbarrier = findMbarrier(m, block, address, at, false);
  m.release(mbarrier.current, thread);
  mbarrier.bytes += bytes;
  if (mbarrier.pending == 0)
    m.fault(FaultKind::Mbarrier, at, 0, [&] {
      return absl::StrCat("more arrivals in a phase than the count, ", mbarrier.count);
    });
  else
    --mbarrier.pending;
  endPhase(m, mbarrier);
}

void mbarrierWait(const void *pc, unsigned address, unsigned parity) {
  Machine &m = machine();
  uint32_t at = m.at(pc);
  CudaThread &thread = m.current();
  Mbarrier &mbarrier = findMbarrier(m, *thread.block, address, at, false);
  while ((mbarrier.phase & 1) == (parity & 1)) {
    mbarrier.waiting.push_back(&thread);
    m.wait(WaitKind::Mbarrier, address, parity);
  }
  m.join(thread.clock, mbarrier.done);
}

void proxyFence(const void *pc) {
  Machine &m = machine();
  m.at(pc);
  CudaThread &thread = m.current();
  fenceMbarriers(thread);
  if (!m.checks())
    return;
  std::copy_n(thread.clock.begin(), m.clockWidth(), thread.clock.begin() + m.clockWidth());
  ++thread.clock[thread.agent];
}

} // namespace

Mbarrier &findMbarrier(Machine &m, Block &block, uint32_t address, uint32_t pc, bool byEngine) {
  auto entry = block.mbarriers.find(address);
  if (entry == block.mbarriers.end())
    m.fatal(FaultKind::Mbarrier, pc, [&] {
      return absl::StrCat("byte ", static_cast<int64_t>(address) - kSharedBase,
                          " of shared memory holds no initialised mbarrier");
    });
  Mbarrier &mbarrier = entry->second;
  CudaThread &thread = m.current();
  if (m.checks() && mbarrier.initAgent != thread.agent &&
      mbarrier.initEpoch > thread.clock[mbarrier.initAgent])
    m.fault(FaultKind::Mbarrier, pc, 0,
            [&] { return "used by a thread that no barrier orders after its init"; });
  if ((byEngine || &block != thread.block) && !mbarrier.isFenced)
    m.fault(FaultKind::Mbarrier, pc, 0, [&] {
      return "used by a bulk copy or another block without fence.mbarrier_init after its init";
    });
  return mbarrier;
}

void endPhase(Machine &m, Mbarrier &mbarrier) {
  if (mbarrier.pending || mbarrier.bytes)
    return;
  ++mbarrier.phase;
  mbarrier.pending = mbarrier.count;
  mbarrier.done = mbarrier.current; // `current` goes on: phases are ordered
  m.wake(mbarrier.waiting);
}

void addBarrierOperations(gk_EmulatorAbi &abi) {
  abi.barrier = barrier;
  abi.clusterBarrier = clusterBarrier;
  abi.mbarrierInit = mbarrierInit;
  abi.mbarrierInitFence = mbarrierInitFence;
  abi.mbarrierArrive = mbarrierArrive;
  abi.mbarrierWait = mbarrierWait;
  abi.proxyFence = proxyFence;
}

} // namespace heddle::emulator
