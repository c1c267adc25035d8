// SPDX-License-Identifier: Apache-2.0
// Kernels of KernelForm::Single: one op that has loops of its own.

#ifndef HEDDLE_CODEGEN_CUDA_KERNELS_SINGLETEXT_H
#define HEDDLE_CODEGEN_CUDA_KERNELS_SINGLETEXT_H

#include "codegen/cuda/kernels/KernelForms.h"

namespace heddle::codegen::cuda {

// A thread an element.
FormResult generateConcat(const FormInput &input, ir::ConcatOp op);
FormResult generatePad(const FormInput &input, ir::PadOp op);
FormResult generateEmbedding(const FormInput &input, ir::EmbeddingOp op);
FormResult generateGatherRows(const FormInput &input, ir::GatherRowsOp op);
FormResult generateCacheUpdate(const FormInput &input, ir::CacheUpdateOp op);
FormResult generateRope(const FormInput &input, ir::RopeOp op);
FormResult generateAdamW(const FormInput &input, ir::AdamWOp op);

// Sums in an order that the shape fixes.
FormResult generateEmbeddingGrad(const FormInput &input, ir::EmbeddingGradOp op);
FormResult generateReduce(const FormInput &input, mlir::Operation *op);
FormResult generateCountTargets(const FormInput &input, ir::CountTargetsOp op);
FormResult generateSumSquares(const FormInput &input, ir::SumSquaresOp op);
FormResult generateNorm(const FormInput &input, mlir::ValueRange tensors, bool square);

} // namespace heddle::codegen::cuda

#endif // HEDDLE_CODEGEN_CUDA_KERNELS_SINGLETEXT_H
