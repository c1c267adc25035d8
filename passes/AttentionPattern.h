// SPDX-License-Identifier: Apache-2.0
// Recognises softmax attention written in primitive ops. Reads the IR only; heddle-fuse-attention
// does the rewriting. What matches stands in Passes.td.

#ifndef HEDDLE_PASSES_ATTENTIONPATTERN_H
#define HEDDLE_PASSES_ATTENTIONPATTERN_H

#include "passes/Matching.h"

namespace heddle::passes {

/// What a mask says, if it is a conjunction of the conditions that heddle.attention has fields for.
struct MaskParts {
  bool causal = false;
  std::optional<int64_t> window;
  mlir::Value keyMask;   // [B, S] integers, nonzero: visible
  mlir::Value kvLengths; // [B]
};

/// Matches the condition under which a score of [B, ..., T, S] counts. Every visible key of every
/// query is covered, so the parts are the mask exactly.
Match<MaskParts> matchMask(mlir::Value condition, llvm::ArrayRef<int64_t> scores);

/// All that heddle.attention needs.
struct AttentionParts {
  mlir::Value q;    // [B, H, T, D] or [B, G, R, T, D]
  mlir::Value k, v; // [B, G, S, D] or [B, G, 1, S, D]; last two axes swapped where said below
  bool swapK = false, swapV = false;
  double scale = 1;
  mlir::Value bias; // broadcasts to the scores' shape, grouped where these are
  std::optional<double> softCap;
  MaskParts mask;
  mlir::Value rng;
  double dropout = 0;
  int64_t rngId = 0;
  mlir::Operation *output = nullptr; // the last matmul
};

/// Matches around one softmax.
Match<AttentionParts> matchAttention(ir::SoftmaxOp softmax);

} // namespace heddle::passes

#endif // HEDDLE_PASSES_ATTENTIONPATTERN_H
