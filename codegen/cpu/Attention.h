// SPDX-License-Identifier: Apache-2.0
// Generates attention kernels. Each tile of query rows keeps its scores for all visible keys in
// scratch (rows x keys, never queries x keys), so that softmax is exact in two passes.

#ifndef HEDDLE_CODEGEN_CPU_ATTENTION_H
#define HEDDLE_CODEGEN_CPU_ATTENTION_H

#include <string>

#include "codegen/cpu/GeneratedKernel.h"
#include "codegen/cpu/Target.h"
#include "ir/Dialect.h"

namespace heddle::codegen {

/// A kernel of KernelForm::Attention: one heddle.attention of inputs through strided views, o
/// stored through one, lse as it is or not at all. Any head size, grouped heads, T != S, and every
/// option of the op. Blocks of keys that no query of a tile sees are skipped. On failure `reason`
/// says what is not covered.
mlir::FailureOr<GeneratedKernel> generateAttention(ir::KernelOp kernel, const Target &target,
                                                   std::string *reason);

/// A kernel of KernelForm::AttentionGrad likewise. One task does all of a batch row's key head and
/// the query heads that share it, in a fixed order, so results are the same in every run.
mlir::FailureOr<GeneratedKernel> generateAttentionGrad(ir::KernelOp kernel, const Target &target,
                                                       std::string *reason);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_ATTENTION_H
