// SPDX-License-Identifier: Apache-2.0
// Bounds, and what the shadow says of an access, in words.
#include "runtime/cuda/emulator/Machine.h"

namespace heddle::emulator {

void Machine::checkShared(uint32_t address, uint32_t bytes, uint32_t pc, const char *what) {
  if (address >= kSharedBase && address - kSharedBase <= shape_.sharedBytes &&
      shape_.sharedBytes - (address - kSharedBase) >= bytes)
    return;
  fatal(FaultKind::SharedBounds, pc, [&] {
    return absl::StrCat(what, " of ", bytes, " bytes at byte ",
                        static_cast<int64_t>(address) - kSharedBase, " of ", shape_.sharedBytes,
                        " bytes of shared memory");
  });
}

void Machine::checkGlobal(uint64_t address, uint64_t bytes, uint32_t pc, const char *what) {
  if (!memory_.contains(address, bytes))
    fatal(FaultKind::GlobalBounds, pc, [&] {
      return absl::StrCat(what, " of ", bytes, " bytes at 0x", absl::Hex(address),
                          ", which is not inside a buffer of global memory");
    });
}

Access Machine::ordinary(uint32_t pc) {
  CudaThread &thread = *current_;
  return {thread.agent, thread.epoch(), &thread.clock, thread.agent, false, pc};
}

void Machine::readCells(Block &block, uint32_t address, uint32_t bytes, const Access &by,
                        const char *what) {
  uint32_t offset = address - kSharedBase;
  for (uint32_t cell = offset / kCellBytes; cell <= (offset + bytes - 1) / kCellBytes; ++cell) {
    Finding finding = block.shadow->read(cell, by);
    if (finding.conflict != Conflict::None)
      report(finding, cell * kCellBytes, by, what);
  }
}

void Machine::writeCells(Block &block, uint32_t address, uint32_t bytes, const Access &by,
                         bool staysInFlight, const char *what) {
  uint32_t offset = address - kSharedBase;
  for (uint32_t cell = offset / kCellBytes; cell <= (offset + bytes - 1) / kCellBytes; ++cell) {
    Finding finding = block.shadow->write(cell, by, staysInFlight);
    if (finding.conflict != Conflict::None)
      report(finding, cell * kCellBytes, by, what);
  }
}

void Machine::report(const Finding &finding, uint32_t offset, const Access &by, const char *what) {
  auto describe = [&](FaultKind kind, auto... words) {
    fault(kind, by.pc, finding.otherPc, [&] {
      return absl::StrCat(what, " of byte ", offset, " of shared memory by ", agentName(by.agent),
                          words...);
    });
  };
  std::string other =
      finding.conflict == Conflict::Uninitialised ? "" : agentName(finding.otherAgent);
  switch (finding.conflict) {
  case Conflict::None:
    return;
  case Conflict::InFlight:
    return describe(FaultKind::InFlight, ", where the copy by ", other, " has not landed");
  case Conflict::Uninitialised:
    return describe(FaultKind::Uninitialised, ", which nobody wrote");
  case Conflict::WithWrite:
    return describe(FaultKind::Race, ": the write by ", other, " is not ordered before it");
  case Conflict::WithRead:
    return describe(FaultKind::Race, ": the read by ", other, " is not ordered before it");
  case Conflict::ProxyFence:
    return describe(FaultKind::MissingProxyFence, ": an ordinary store by ", other,
                    " with no fence.proxy.async between");
  case Conflict::Mbarrier:
    return describe(FaultKind::Mbarrier, ": the bytes of an mbarrier");
  }
}

} // namespace heddle::emulator
