// SPDX-License-Identifier: Apache-2.0
// Kernels of KernelForm::Single: one op that has loops of its own. One file per family.

#ifndef HEDDLE_CODEGEN_CPU_SINGLEOPS_H
#define HEDDLE_CODEGEN_CPU_SINGLEOPS_H

#include <string>

#include "codegen/cpu/GeneratedKernel.h"
#include "codegen/cpu/Target.h"
#include "ir/Dialect.h"

namespace heddle::codegen {

/// Each takes the kernel around the op. On failure `reason` says what is not covered.
using SingleResult = mlir::FailureOr<GeneratedKernel>;

/// Any of the below by the op's kind.
SingleResult generateSingle(ir::KernelOp kernel, mlir::Operation *op, const Target &target,
                            std::string *reason);

SingleResult generateConcat(ir::KernelOp kernel, ir::ConcatOp op, const Target &target,
                            std::string *reason);
SingleResult generatePad(ir::KernelOp kernel, ir::PadOp op, const Target &target,
                         std::string *reason);
/// heddle.sum and heddle.max over any axes.
SingleResult generateReduce(ir::KernelOp kernel, mlir::Operation *op, const Target &target,
                            std::string *reason);
SingleResult generateCountTargets(ir::KernelOp kernel, ir::CountTargetsOp op, const Target &target,
                                  std::string *reason);
SingleResult generateEmbedding(ir::KernelOp kernel, ir::EmbeddingOp op, const Target &target,
                               std::string *reason);
SingleResult generateEmbeddingGrad(ir::KernelOp kernel, ir::EmbeddingGradOp op,
                                   const Target &target, std::string *reason);
SingleResult generateGatherRows(ir::KernelOp kernel, ir::GatherRowsOp op, const Target &target,
                                std::string *reason);
SingleResult generateCacheUpdate(ir::KernelOp kernel, ir::CacheUpdateOp op, const Target &target,
                                 std::string *reason);
SingleResult generateRope(ir::KernelOp kernel, ir::RopeOp op, const Target &target,
                          std::string *reason);
SingleResult generateAdamW(ir::KernelOp kernel, ir::AdamWOp op, const Target &target,
                           std::string *reason);
SingleResult generateGlobalNorm(ir::KernelOp kernel, ir::GlobalNormOp op, const Target &target,
                                std::string *reason);

SingleResult generateSumSquares(ir::KernelOp kernel, ir::SumSquaresOp op, const Target &target,
                                std::string *reason);
SingleResult generateNormOfPartials(ir::KernelOp kernel, ir::NormOfPartialsOp op,
                                    const Target &target, std::string *reason);

/// The kernel's argument whose buffer `operand` is, in order and from its start.
std::optional<unsigned> denseArgument(mlir::Value operand);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_SINGLEOPS_H
