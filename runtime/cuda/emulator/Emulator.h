// SPDX-License-Identifier: Apache-2.0
// Runs a CUDA kernel on the host and says what it does wrong.
//
// CUDA threads are fibers on the calling thread; the blocks of a cluster run together, clusters one
// after the other. Each access to shared memory is checked with vector clocks: what no barrier
// orders is a race, whatever order it happened in. Copies and matrix products that the program does
// not wait for have not happened yet: they land as late as it allows.
//
// Not modelled: races between blocks of different clusters and the order of global memory,
// uninitialised global memory, registers of A overwritten before a wgmma's wait, the scope of
// acquire and release, register limits, bank conflicts. Neighbouring bytes of shared memory are one
// to the checks: kernels write at least two.

#ifndef HEDDLE_RUNTIME_CUDA_EMULATOR_EMULATOR_H
#define HEDDLE_RUNTIME_CUDA_EMULATOR_EMULATOR_H

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/Status.h"
#include "runtime/cuda/emulator/Fault.h"
#include "runtime/cuda/emulator/GlobalMemory.h"
#include "runtime/cuda/emulator/KernelObject.h"

namespace heddle::emulator {

/// As for cuLaunchKernelEx; clusters and blocks are one-dimensional.
struct LaunchShape {
  std::array<uint32_t, 3> grid = {1, 1, 1}; ///< blocks
  uint32_t cluster = 1;                     ///< blocks along x; divides grid[0]
  uint32_t threads = 1;                     ///< of a block
  uint32_t sharedBytes = 0;                 ///< dynamic shared memory of a block
};

struct EmulatorOptions {
  bool checks = true; ///< off: values, bounds and deadlocks alone, two to four times as fast
  /// 0: threads in turn, the newest copy lands first. Else threads and copies in an order of its
  /// own. A correct kernel gives the same values and no fault for each.
  uint64_t seed = 0;
  size_t faultLimit = 16; ///< a launch ends after so many different faults
  /// Loads and stores of a thread in one go after which it is taken for an endless loop. A loop
  /// that touches no memory is not seen.
  uint64_t stepLimit = 1 << 30;
};

struct LaunchResult {
  std::vector<Fault> faults;
  bool isFinished = false; ///< every thread came to its end
  /// A line each.
  std::string text() const;
};

/// Runs all blocks. `parameters` as for cuLaunchKernel. An error is a launch that a driver would
/// refuse, too; what the kernel does wrong is in the result. Several threads may launch at once, on
/// memory that they do not share.
StatusOr<LaunchResult> launch(const KernelObject &object, const std::string &kernel,
                              const LaunchShape &shape, void **parameters,
                              const GlobalMemory &memory, const EmulatorOptions &options = {});

} // namespace heddle::emulator

#endif // HEDDLE_RUNTIME_CUDA_EMULATOR_EMULATOR_H
