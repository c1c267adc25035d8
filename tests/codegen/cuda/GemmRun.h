// SPDX-License-Identifier: Apache-2.0
// The two complete kernels of these tests, run on the emulator and compared with plain loops.

#ifndef HEDDLE_TESTS_CODEGEN_CUDA_GEMMRUN_H
#define HEDDLE_TESTS_CODEGEN_CUDA_GEMMRUN_H

#include "tests/codegen/cuda/EmulatedKernel.h"

namespace heddle::test {

struct GemmShape {
  int m, n, k;
};

/// kernels/GemmWgmma.cu on `blocks` blocks in clusters of `cluster`.
Outcome runGemmWgmma(const EmulatedKernels &kernels, GemmShape shape, uint32_t blocks,
                     uint32_t cluster, const emulator::EmulatorOptions &options = {});
/// kernels/GemmMma.cu.
Outcome runGemmMma(const EmulatedKernels &kernels, GemmShape shape,
                   const emulator::EmulatorOptions &options = {});

} // namespace heddle::test

#endif // HEDDLE_TESTS_CODEGEN_CUDA_GEMMRUN_H
