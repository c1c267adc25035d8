// SPDX-License-Identifier: Apache-2.0
// A CUDA kernel as the generators make it: text, and how it is launched.

#ifndef HEDDLE_CODEGEN_CUDA_CUDAKERNEL_H
#define HEDDLE_CODEGEN_CUDA_CUDAKERNEL_H

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "codegen/cuda/DeviceHeader.h"

namespace heddle::codegen {

enum class CudaType { BF16, F32 };
inline int bytesOf(CudaType type) { return type == CudaType::BF16 ? 2 : 4; }

/// A tensor map over a buffer: dimensions and box count elements, the fastest first; strides are in
/// bytes and begin with the second dimension. The swizzle spans 128 bytes.
struct TensorMapSpec {
  CudaType type = CudaType::BF16;
  std::vector<uint64_t> dims, strides;
  std::vector<uint32_t> box;
};

/// A parameter: the buffer's address, or a tensor map over it.
struct CudaParameter {
  int buffer = 0; ///< the generator says which are which
  bool isTensorMap = false;
  TensorMapSpec map;
};

struct CudaLaunch {
  std::array<uint32_t, 3> grid = {1, 1, 1}; ///< blocks
  uint32_t cluster = 1;                     ///< blocks along x
  uint32_t threads = 1;
  uint32_t sharedBytes = 0;
};

struct CudaKernel {
  std::string name;         ///< the function's, from op and shape; the text's file is name.cu
  std::string text;         ///< without the header (kernelSource adds it)
  std::string architecture; ///< the least that it compiles for
  WgmmaShapes wgmma;
  CudaLaunch launch;
  std::vector<CudaParameter> parameters;
};

/// `text` with each $name$ replaced. A name that is not given stays, and no compiler takes it.
std::string fillIn(std::string text,
                   const std::vector<std::pair<std::string, std::string>> &values);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CUDA_CUDAKERNEL_H
