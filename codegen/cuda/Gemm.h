// SPDX-License-Identifier: Apache-2.0
// Matrix products as CUDA kernels: C[M][N] = op(A) op(B) + bias[N], sums in f32.

#ifndef HEDDLE_CODEGEN_CUDA_GEMM_H
#define HEDDLE_CODEGEN_CUDA_GEMM_H

#include "codegen/cuda/CudaKernel.h"
#include "runtime/base/Status.h"

namespace heddle::codegen {

/// Which operand lies transposed in memory. NT: A [M][K], B [N][K]; NN: A [M][K], B [K][N]; TN:
/// A [K][M], B [K][N]. All are row-major and without gaps.
enum class CudaGemmLayout { NT, NN, TN };

struct CudaGemm {
  int m = 0, n = 0, k = 0;
  CudaGemmLayout layout = CudaGemmLayout::NT;
  CudaType input = CudaType::BF16; ///< of A, B and the bias; f32 is multiplied as tf32
  CudaType output = CudaType::BF16;
  bool hasBias = false;
  int multiprocessors = 132; ///< of the device: as many blocks of a persistent kernel

  /// gemm_nt_bf16_m1000_n520_k200_bias and so on.
  std::string name() const;
};

/// The buffers that parameters name.
enum CudaGemmBuffer { kGemmA, kGemmB, kGemmC, kGemmBias };

/// By TMA and wgmma, for sm_90a: persistent blocks with a producer and two consumer warpgroups.
/// InvalidArgument where the hardware cannot (the other form then does): rows of A, B or C that are
/// no multiple of 16 bytes, f32 operands that are not along K.
StatusOr<CudaKernel> gemmByWgmma(const CudaGemm &gemm);

/// By cp.async and mma.sync, for sm_80 and later: every shape and layout.
CudaKernel gemmByMma(const CudaGemm &gemm);

/// The function that both begin with: block or tile number to tile coordinates, in groups of eight
/// rows of tiles, which share the columns of B in the second cache.
std::string gemmTileOrder(int rowsOfTiles, int columnsOfTiles);
/// The first lines of a kernel's text: what it computes, and how it lies in memory.
std::string gemmTitle(const CudaGemm &gemm, const std::string &how);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CUDA_GEMM_H
