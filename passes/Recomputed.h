// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_PASSES_RECOMPUTED_H
#define HEDDLE_PASSES_RECOMPUTED_H

#include "llvm/ADT/StringRef.h"

namespace heddle::passes {

/// Marks an op that stands where it does to be computed late (heddle-recompute-activations):
/// heddle-form-kernels joins it to no producer of its operands, and takes the mark off.
inline constexpr llvm::StringLiteral kRecomputedAttr = "heddle.recomputed";

} // namespace heddle::passes

#endif // HEDDLE_PASSES_RECOMPUTED_H
