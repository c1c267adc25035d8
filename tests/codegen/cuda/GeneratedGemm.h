// SPDX-License-Identifier: Apache-2.0
// Matrix products from the generators, run on the emulator and compared with float64.

#ifndef HEDDLE_TESTS_CODEGEN_CUDA_GENERATEDGEMM_H
#define HEDDLE_TESTS_CODEGEN_CUDA_GENERATEDGEMM_H

#include "codegen/cuda/Gemm.h"
#include "tests/codegen/cuda/EmulatedKernel.h"

namespace heddle::test {

/// Runs `text`, the kernel's own or a changed one. Wrong is an element of C that is further from
/// the product than the rounding of f32 sums and of the output explains.
Outcome runGemm(const codegen::CudaGemm &gemm, const codegen::CudaKernel &kernel,
                const std::string &text, const emulator::EmulatorOptions &options = {});

} // namespace heddle::test

#endif // HEDDLE_TESTS_CODEGEN_CUDA_GENERATEDGEMM_H
