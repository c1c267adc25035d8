// SPDX-License-Identifier: Apache-2.0
#include "runtime/cuda/emulator/Fault.h"

#include "absl/strings/str_cat.h"

namespace heddle::emulator {

const char *faultName(FaultKind kind) {
  switch (kind) {
  case FaultKind::Race:
    return "race";
  case FaultKind::MissingProxyFence:
    return "missing proxy fence";
  case FaultKind::InFlight:
    return "copy in flight";
  case FaultKind::Uninitialised:
    return "uninitialised read";
  case FaultKind::SharedBounds:
    return "shared memory bounds";
  case FaultKind::GlobalBounds:
    return "global memory bounds";
  case FaultKind::Alignment:
    return "alignment";
  case FaultKind::TensorMap:
    return "tensor map";
  case FaultKind::Mbarrier:
    return "mbarrier";
  case FaultKind::Barrier:
    return "barrier";
  case FaultKind::BlockExited:
    return "block has exited";
  case FaultKind::WgmmaFence:
    return "missing wgmma fence";
  case FaultKind::WgmmaNotWaited:
    return "wgmma not waited for";
  case FaultKind::Divergence:
    return "divergence";
  case FaultKind::UnfinishedCopies:
    return "unfinished copies";
  case FaultKind::Deadlock:
    return "deadlock";
  case FaultKind::Unsupported:
    return "not supported";
  }
  return "fault";
}

std::string Fault::text() const {
  std::string line =
      absl::StrCat(kernel, " (", at.text(), ", block ", block[0], ",", block[1], ",", block[2],
                   " thread ", thread, "): ", faultName(kind), ": ", message);
  if (!other.file.empty())
    absl::StrAppend(&line, "; the other side is at ", other.text());
  if (count > 1)
    absl::StrAppend(&line, " (", count, " times)");
  return line;
}

bool FaultLog::countAgain(FaultKind kind, uint32_t pc, uint32_t otherPc) {
  auto entry = index_.find({kind, pc, otherPc});
  if (entry == index_.end())
    return false;
  ++faults_[entry->second].count;
  return true;
}

void FaultLog::add(uint32_t pc, uint32_t otherPc, Fault fault) {
  index_[{fault.kind, pc, otherPc}] = faults_.size();
  faults_.push_back(std::move(fault));
}

} // namespace heddle::emulator
