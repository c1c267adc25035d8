// SPDX-License-Identifier: Apache-2.0
// What the emulator finds wrong with a kernel.

#ifndef HEDDLE_RUNTIME_CUDA_EMULATOR_FAULT_H
#define HEDDLE_RUNTIME_CUDA_EMULATOR_FAULT_H

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/cuda/emulator/LineTable.h"

namespace heddle::emulator {

enum class FaultKind {
  Race,              ///< two accesses of which one writes, with nothing that orders them
  MissingProxyFence, ///< an ordinary store seen by wgmma or a bulk copy without fence.proxy.async
  InFlight,          ///< access to what a copy under way still writes
  Uninitialised,     ///< read of shared memory that nobody wrote
  SharedBounds,
  GlobalBounds,
  Alignment,
  TensorMap,        ///< a map or an operand that the instruction refuses
  Mbarrier,         ///< used before its init is visible, too many arrivals
  Barrier,          ///< one named barrier with two thread counts
  BlockExited,      ///< the shared memory of a block that has ended
  WgmmaFence,       ///< registers of a wgmma written by ordinary code without wgmma.fence
  WgmmaNotWaited,   ///< an accumulator before its wait_group
  Divergence,       ///< lanes of a warp, or threads of a warpgroup, in different instructions
  UnfinishedCopies, ///< a thread ends while its copies still need its shared memory
  Deadlock,
  Unsupported, ///< beyond what the emulator can run
};
const char *faultName(FaultKind kind);

struct Fault {
  FaultKind kind;
  std::string kernel;
  SourceLine at, other; ///< other: the second side of a race, where there is one
  std::array<uint32_t, 3> block;
  uint32_t thread;
  std::string message;
  uint64_t count = 1; ///< how often the same happened at the same lines

  /// "gemm (gemm.cu:77, block 0,0,0 thread 128): race: ...".
  std::string text() const;
};

/// Faults in the order in which they were first met, one for each kind and pair of places.
class FaultLog {
public:
  /// Where the same was met before it is counted: true.
  bool countAgain(FaultKind kind, uint32_t pc, uint32_t otherPc);
  /// After countAgain said false.
  void add(uint32_t pc, uint32_t otherPc, Fault fault);
  size_t size() const { return faults_.size(); }
  std::vector<Fault> take() { return std::move(faults_); }

private:
  std::vector<Fault> faults_;
  std::map<std::tuple<FaultKind, uint32_t, uint32_t>, size_t> index_;
};

} // namespace heddle::emulator

#endif // HEDDLE_RUNTIME_CUDA_EMULATOR_FAULT_H
