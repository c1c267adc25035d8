// SPDX-License-Identifier: Apache-2.0
// kernels/Mbarrier.cu and kernels/Cluster.cu, run on the emulator and compared with plain loops.

#ifndef HEDDLE_TESTS_CODEGEN_CUDA_EXCHANGERUN_H
#define HEDDLE_TESTS_CODEGEN_CUDA_EXCHANGERUN_H

#include "tests/codegen/cuda/EmulatedKernel.h"

namespace heddle::test {

/// mbarrier_ring over `rounds` words a lane.
Outcome runRing(const EmulatedKernels &kernels, int rounds,
                const emulator::EmulatorOptions &options = {});
/// cluster_exchange of `blocks` blocks.
Outcome runExchange(const EmulatedKernels &kernels, int blocks,
                    const emulator::EmulatorOptions &options = {});

} // namespace heddle::test

#endif // HEDDLE_TESTS_CODEGEN_CUDA_EXCHANGERUN_H
