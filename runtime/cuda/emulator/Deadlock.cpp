// SPDX-License-Identifier: Apache-2.0
// Who waits for what when nothing goes on.
#include <map>

#include "runtime/cuda/emulator/Machine.h"

namespace heddle::emulator {
namespace {

std::string waitsFor(Machine &machine, const CudaThread &thread) {
  Block &block = *thread.block;
  switch (thread.waitKind) {
  case WaitKind::Barrier: {
    const NamedBarrier &barrier = block.barriers[thread.waitObject];
    return absl::StrCat("barrier ", thread.waitObject, " (", barrier.arrived, " of ",
                        barrier.expected, " threads have come)");
  }
  case WaitKind::ClusterBarrier:
    return absl::StrCat("the cluster's barrier (", machine.clusterBarrier().arrived, " of ",
                        machine.clusterBarrier().expected, " threads have come)");
  case WaitKind::Mbarrier: {
    auto entry = block.mbarriers.find(thread.waitObject);
    const Mbarrier &mbarrier = entry->second;
    return absl::StrCat("mbarrier number ", std::distance(block.mbarriers.begin(), entry),
                        " at byte ", thread.waitObject - kSharedBase, ", parity ",
                        thread.waitParity, ": phase ", mbarrier.phase, ", ", mbarrier.pending,
                        " of ", mbarrier.count, " arrivals missing, ", mbarrier.bytes,
                        " bytes outstanding");
  }
  case WaitKind::Warp: {
    const Warp &warp = block.warps[thread.index / kWarpSize];
    return absl::StrCat(operationName(warp.operation), " of its warp (", warp.arrived.size(),
                        " lanes are there)");
  }
  case WaitKind::Wgmma:
    return "the rest of its warpgroup to issue a wgmma";
  case WaitKind::None:
    return "nothing";
  }
  return "nothing";
}

} // namespace

void Machine::reportDeadlock() {
  struct Group {
    CudaThread *first;
    uint32_t count = 0;
  };
  std::map<std::pair<uint32_t, std::string>, Group> groups; // by block, then by what and where
  for (Block &block : blocks_)
    for (CudaThread &thread : block.threads) {
      if (thread.isDone)
        continue;
      std::string what =
          absl::StrCat(waitsFor(*this, thread), " at ", object_.line(thread.pc).text());
      Group &group = groups.try_emplace({block.rank, what}, Group{&thread}).first->second;
      ++group.count;
    }
  std::string message = "no thread can go on and no copy is under way";
  for (const auto &[key, group] : groups) {
    absl::StrAppend(&message, "; ", group.count, " threads from ", group.first->index);
    if (shape_.cluster > 1)
      absl::StrAppend(&message, " of block ", key.first, " of the cluster");
    absl::StrAppend(&message, " wait for ", key.second);
  }
  current_ = groups.begin()->second.first;
  fault(FaultKind::Deadlock, current_->pc, 0, [&] { return message; });
}

} // namespace heddle::emulator
