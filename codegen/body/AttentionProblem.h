// SPDX-License-Identifier: Apache-2.0
// What an attention or attention_grad kernel computes, read off its body. Plain data, no code
// generation.

#ifndef HEDDLE_CODEGEN_BODY_ATTENTIONPROBLEM_H
#define HEDDLE_CODEGEN_BODY_ATTENTIONPROBLEM_H

#include <optional>
#include <string>

#include "ir/Dialect.h"

namespace heddle::codegen {

/// Element [b, h, t, d] of a tensor is at offset + b * batch + h * head + t * row + d * column of a
/// kernel operand (an index among inputs, then outputs).
struct HeadsView {
  unsigned operand = 0;
  int64_t offset = 0, batch = 0, head = 0, row = 0, column = 0;
};

/// Shapes as in heddle.attention: q [B, H, T, D], k [B, G, S, D], v [B, G, S, E].
struct AttentionProblem {
  int64_t batches = 0, heads = 0, groups = 0, queries = 0, keys = 0, headSize = 0, valueSize = 0;
  HeadsView q, k, v;
  std::optional<HeadsView> bias;                 // broadcast axes have stride 0
  std::optional<unsigned> keyMask, lengths, rng; // operands
  double scale = 1, softCap = 0, dropout = 0;    // softCap 0: none
  bool causal = false;
  std::optional<int64_t> window;
  int64_t rngId = 0;

  // attention writes these, attention_grad reads them. Null: nobody wants the result.
  std::optional<HeadsView> o;
  std::optional<unsigned> lse; // dense [B, H, T]
  // attention_grad only.
  HeadsView dO;
  std::optional<HeadsView> dq, dk, dv;
  std::optional<HeadsView> dBias; // axes that it is summed over have stride 0

  int64_t headsPerGroup() const { return heads / groups; }
  /// Query rows that share one k and v.
  int64_t rowsPerGroup() const { return headsPerGroup() * queries; }
  /// Whether some visible range of keys differs from all of them in a way no range says.
  bool everyScoreNeedsCare() const { return keyMask || bias; }
  double flopsOfOneProduct() const;
};

mlir::FailureOr<AttentionProblem> matchAttention(ir::KernelOp kernel, std::string *reason);
mlir::FailureOr<AttentionProblem> matchAttentionGrad(ir::KernelOp kernel, std::string *reason);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_BODY_ATTENTIONPROBLEM_H
