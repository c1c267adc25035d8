// SPDX-License-Identifier: Apache-2.0
// What becomes of a heddle.kernel on a CUDA device.

#ifndef HEDDLE_CODEGEN_CUDA_KERNELS_CUDAPROGRAM_H
#define HEDDLE_CODEGEN_CUDA_KERNELS_CUDAPROGRAM_H

#include <cstdint>
#include <string>
#include <vector>

#include "ir/Dialect.h"

namespace heddle::codegen {

/// One launch of a function of the text: blocks of `threads` threads in one dimension.
struct CudaProgramLaunch {
  std::string function;
  int64_t blocks = 1;
  int threads = 256;
  int64_t sharedBytes = 0;
};

/// A heddle.kernel as CUDA C++ in the vocabulary of codegen/cuda/device. Every function takes the
/// kernel's operands, inputs, then outputs, as pointers to dense row-major buffers aligned to 64
/// bytes (i1 as a byte), then, where workspaceBytes is not 0, a pointer to that much memory that
/// the launches share and nothing else uses. Launches run one after the other. An input and an
/// output may be the same memory where plan-memory says so. The same inputs give the same bits.
struct CudaProgram {
  std::string text;
  std::vector<CudaProgramLaunch> launches;
  int64_t workspaceBytes = 0;
};

/// The program of a kernel whose functions are called `name`, `name`_1, ...; a function of its
/// arguments. On failure `reason` says what is not covered.
mlir::FailureOr<CudaProgram> generateCudaProgram(ir::KernelOp kernel, const std::string &name,
                                                 std::string *reason);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CUDA_KERNELS_CUDAPROGRAM_H
