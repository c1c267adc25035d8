// SPDX-License-Identifier: Apache-2.0
// wgmma: the threads of a warpgroup issue one after the other without waiting; the operands are
// checked when the last one has, the product is formed when a thread waits for it.
#include <cstring>

#include "runtime/cuda/emulator/Machine.h"
#include "runtime/cuda/emulator/Operations.h"
#include "runtime/cuda/emulator/WgmmaOperands.h"

namespace heddle::emulator {
namespace {

Warpgroup &warpgroupOf(CudaThread &thread) {
  return thread.block->warpgroups[thread.index / kWarpgroupSize];
}

bool isSameOperation(const gk_WgmmaCall &a, const gk_WgmmaCall &b) {
  return a.columns == b.columns && a.elementBytes == b.elementBytes &&
         a.descriptorA == b.descriptorA && a.descriptorB == b.descriptorB &&
         a.transposeA == b.transposeA && a.transposeB == b.transposeB &&
         !a.accumulate == !b.accumulate;
}

/// The accumulator registers of a call, as the thread knows them.
void useAccumulator(Machine &m, CudaThread &thread, const gk_WgmmaCall &call, int64_t sequence) {
  auto first = reinterpret_cast<uint64_t>(call.accumulator);
  uint64_t last = first + call.columns / 2 * sizeof(float);
  for (Accumulator &known : thread.accumulators)
    if (known.first == first && known.last == last) {
      if (known.isTouched && call.accumulate)
        m.fault(FaultKind::WgmmaFence, thread.pc, 0,
                [] { return "ordinary code touched the accumulator and no wgmma.fence followed"; });
      known.isTouched = false;
      known.pendingSequence = sequence;
      return;
    }
  // The compiler gives a place on the stack to other arrays once it is free.
  std::erase_if(thread.accumulators, [&](const Accumulator &other) {
    return other.pendingSequence < 0 && other.first < last && first < other.last;
  });
  thread.accumulators.push_back({first, last, sequence, false});
}

/// All have issued: the operands must be there, and stay until the wait.
void checkOperands(Machine &m, Block &block, Warpgroup &group, const WgmmaOperation &operation) {
  if (!group.agent)
    group.agent =
        m.newAgent(absl::StrCat("the wgmmas of warpgroup ", &group - block.warpgroups.data(),
                                " of block ", block.rank, " of the cluster"));
  Access access{group.agent,
                static_cast<uint32_t>(group.issued + 1),
                &operation.known,
                m.current().agent,
                true,
                operation.pc};
  auto check = [&](uint32_t address) {
    m.checkShared(address, 16, operation.pc, "wgmma operand");
    if (m.checks())
      m.readCells(block, address, 16, access, "wgmma");
  };
  const gk_WgmmaCall &call = operation.call;
  if (!operation.hasRegisters)
    forEachOperandChunk(call.descriptorA, call.transposeA, call.elementBytes, 64,
                        [&](uint32_t address, uint32_t, uint32_t) { check(address); });
  forEachOperandChunk(call.descriptorB, call.transposeB, call.elementBytes, call.columns,
                      [&](uint32_t address, uint32_t, uint32_t) { check(address); });
}

void joinKnown(Machine &m, WgmmaOperation &operation, const CudaThread &thread) {
  // A lane a warp: the instruction is the warp's, and clocks are long.
  if (!m.checks() || thread.index % kWarpSize)
    return;
  if (operation.known.empty()) {
    operation.known = thread.clock;
    return;
  }
  for (size_t i = 0; i < operation.known.size(); ++i)
    operation.known[i] = std::min(operation.known[i], thread.clock[i]);
}

void wgmma(const void *pc, const gk_WgmmaCall *call) {
  Machine &m = machine();
  uint32_t at = m.at(pc);
  CudaThread &thread = m.current();
  Warpgroup &group = warpgroupOf(thread);
  int64_t sequence = thread.wgmmas++;
  auto index = static_cast<size_t>(sequence - group.firstOperation);
  if (index == group.operations.size()) {
    WgmmaOperation &added = group.operations.emplace_back();
    added.call = *call;
    added.hasRegisters = call->a != nullptr;
    added.pc = at;
    added.registers.resize(added.hasRegisters ? 4 * kWarpgroupSize : 0);
  }
  WgmmaOperation &operation = group.operations[index];
  if (!isSameOperation(operation.call, *call) || operation.hasRegisters != (call->a != nullptr)) {
    m.fault(FaultKind::Divergence, at, operation.pc,
            [] { return "threads of a warpgroup issue different wgmmas"; });
    m.stop();
  }
  if (!thread.hasFenced)
    m.fault(FaultKind::WgmmaFence, at, 0, [] { return "no wgmma.fence before the first wgmma"; });
  uint32_t t = thread.index % kWarpgroupSize;
  operation.accumulators[t] = call->accumulator;
  if (call->a)
    memcpy(&operation.registers[4 * t], call->a, 16);
  useAccumulator(m, thread, *call, sequence);
  joinKnown(m, operation, thread);
  if (++operation.arrived < kWarpgroupSize)
    return;
  checkOperands(m, *thread.block, group, operation);
  ++group.issued;
  m.wake(group.waiting);
}

void wgmmaFence(const void *pc) {
  machine().at(pc);
  CudaThread &thread = machine().current();
  thread.hasFenced = true;
  for (Accumulator &accumulator : thread.accumulators)
    accumulator.isTouched = false;
}

void wgmmaCommit(const void *) {
  CudaThread &thread = machine().current();
  thread.wgmmaGroups.push_back(thread.wgmmas);
}

void wgmmaWait(const void *pc, int pending) {
  Machine &m = machine();
  m.at(pc);
  CudaThread &thread = m.current();
  int64_t covered = static_cast<int64_t>(thread.wgmmaGroups.size()) - pending;
  if (covered <= 0)
    return;
  int64_t upTo = thread.wgmmaGroups[covered - 1];
  thread.wgmmaGroups.erase(thread.wgmmaGroups.begin(), thread.wgmmaGroups.begin() + covered);
  Warpgroup &group = warpgroupOf(thread);
  while (group.issued < upTo) {
    group.waiting.push_back(&thread);
    m.wait(WaitKind::Wgmma);
  }
  for (; group.firstOperation < upTo; ++group.firstOperation) {
    computeWgmma(*thread.block, group.operations.front());
    group.operations.pop_front();
  }
  for (Accumulator &accumulator : thread.accumulators)
    if (accumulator.pendingSequence < upTo)
      accumulator.pendingSequence = -1;
  if (m.checks() && group.agent) {
    uint32_t &known = thread.clock[group.agent];
    known = std::max(known, static_cast<uint32_t>(upTo));
  }
}

} // namespace

void addWgmmaOperations(gk_EmulatorAbi &abi) {
  abi.wgmma = wgmma;
  abi.wgmmaFence = wgmmaFence;
  abi.wgmmaCommit = wgmmaCommit;
  abi.wgmmaWait = wgmmaWait;
}

} // namespace heddle::emulator
