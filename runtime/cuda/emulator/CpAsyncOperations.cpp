// SPDX-License-Identifier: Apache-2.0
// cp.async: a thread's copies land when it waits for their group, not before.
#include <cstring>

#include "runtime/cuda/emulator/Machine.h"
#include "runtime/cuda/emulator/Operations.h"

namespace heddle::emulator {
namespace {

void cpAsync(const void *pc, unsigned address, const void *source, unsigned bytes, unsigned valid) {
  Machine &m = machine();
  uint32_t at = m.at(pc);
  CudaThread &thread = m.current();
  auto from = reinterpret_cast<uint64_t>(source);
  if (address % bytes || from % bytes || valid > bytes)
    m.fatal(FaultKind::Alignment, at, [&] {
      return absl::StrCat("cp.async of ", bytes, " bytes, ", valid,
                          " of them valid: both addresses must be multiples of ", bytes);
    });
  m.checkShared(address, bytes, at, "cp.async");
  if (valid)
    m.checkGlobal(from, valid, at, "cp.async");
  CpAsync copy{address, bytes, valid, at, 0, from};
  if (m.checks()) {
    copy.epoch = thread.epoch();
    m.writeCells(*thread.block, address, bytes, m.ordinary(at), true, "cp.async");
  }
  thread.cpAsyncs.push_back(copy);
}

void cpAsyncCommit(const void *) {
  CudaThread &thread = machine().current();
  for (CpAsync &copy : thread.cpAsyncs)
    if (copy.group < 0)
      copy.group = thread.cpAsyncGroups;
  ++thread.cpAsyncGroups;
}

void land(Machine &m, CudaThread &thread, const CpAsync &copy) {
  uint8_t *target = thread.block->at(copy.target);
  memset(target, 0, copy.bytes);
  memcpy(target, reinterpret_cast<const void *>(copy.source), copy.valid);
  if (!m.checks())
    return;
  // The data counts as written now: a barrier between issue and wait shows it to nobody.
  uint32_t offset = copy.target - kSharedBase;
  for (uint32_t cell = offset / kCellBytes; cell < (offset + copy.bytes) / kCellBytes; ++cell)
    thread.block->shadow->land(cell, thread.agent, copy.epoch, thread.epoch());
}

void cpAsyncWait(const void *pc, int pending) {
  Machine &m = machine();
  m.at(pc);
  CudaThread &thread = m.current();
  std::erase_if(thread.cpAsyncs, [&](const CpAsync &copy) {
    bool isCovered = copy.group >= 0 && copy.group < thread.cpAsyncGroups - pending;
    if (isCovered)
      land(m, thread, copy);
    return isCovered;
  });
}

} // namespace

void addCpAsyncOperations(gk_EmulatorAbi &abi) {
  abi.cpAsync = cpAsync;
  abi.cpAsyncCommit = cpAsyncCommit;
  abi.cpAsyncWait = cpAsyncWait;
}

} // namespace heddle::emulator
