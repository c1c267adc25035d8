// SPDX-License-Identifier: Apache-2.0
// Token positions where none are given.

#ifndef HEDDLE_RUNTIME_PLAN_POSITIONS_H
#define HEDDLE_RUNTIME_PLAN_POSITIONS_H

#include "runtime/base/Status.h"
#include "runtime/plan/Tensor.h"

namespace heddle::runtime {

/// attention_mask [B, T] of integers gives [B, T] in i32: how many tokens of the row before this
/// one it lets through; -1 for a token that it hides.
StatusOr<Tensor> positionsFromMask(const Tensor &mask);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_PLAN_POSITIONS_H
