// SPDX-License-Identifier: Apache-2.0
// What the parts of the builder share. One file a part: embeddings, attention, FFN, head;
// Entries.cpp joins them. Calls that write ops stand in statements of their own unless one is the
// other's operand: the order of ops must not depend on the compiler that built us.

#ifndef HEDDLE_FRONTEND_BUILDER_WIRING_H
#define HEDDLE_FRONTEND_BUILDER_WIRING_H

#include "frontend/Dimensions.h"
#include "frontend/GraphBuilder.h"

namespace heddle::frontend {

/// The model being wired into the current entry of `graph`.
struct Wiring {
  GraphBuilder &graph;
  const proto::ModelDef &definition;
  const ModelParameters &parameters;
  Dimensions dims;
  int64_t batch; // B
  int64_t seq;   // T, and the length of the caches

  // Of the entry. Tensors are absent where it has none.
  std::optional<Tensor> rng = {};          // where there is dropout
  std::optional<Tensor> positionIds = {};  // [B, t]; absent: 0, 1, ... for every row
  std::optional<Tensor> tokenTypeIds = {}; // [B, t], where the model has token types
  std::optional<Tensor> ropeTurns = {}; // [B, t] or [1, t]: the positions that rotary heads turn by
  std::optional<Tensor> keyMask = {};   // [B, T]
  /// What rotary pairs turn by per position.
  std::vector<double> inverseFrequencies = {};

  enum class Cache { none, fill, extend };
  Cache cache = Cache::none;
  // Where the cache is extended: the one new token of each row stands at positions [B].
  std::optional<Tensor> positions = {};
  std::optional<Tensor> visibleKeys = {}; // [B, T], the keys that the new token sees
};

/// input_ids [B, t] -> [B, t, C]
Tensor embedTokens(Wiring &w, Tensor ids);

/// x [B, t, C] -> [B, t, C]: one layer's attention with its norm, dropout and residual sum.
Tensor attentionBlock(Wiring &w, int64_t layer, Tensor x);

/// The same for the feed-forward network.
Tensor ffnBlock(Wiring &w, int64_t layer, Tensor x);

/// [..., C] -> [..., C]; x itself where the definition has no final norm.
Tensor finalNorm(Wiring &w, Tensor x);

/// What a forward pass gives, by name.
using Outputs = std::vector<std::pair<std::string, Tensor>>;

/// x [B, T, C], the last vectors, to what the definition's head makes of them.
Outputs taskOutputs(Wiring &w, Tensor x);

/// Declares the targets and compares the outputs with them: [].
Tensor taskLoss(Wiring &w, const Outputs &outputs);

/// [..., C] -> logits [..., V], or [..., classes], with what comes before the last product.
Tensor head(Wiring &w, Tensor x);
Tensor headTransform(Wiring &w, Tensor x);

// Small parts.

/// x w + b under the definition's weight layout.
Tensor linear(Wiring &w, const LinearParameters &parameters, Tensor x);
Tensor norm(Wiring &w, const NormParameters &parameters, Tensor x);
/// x itself where p is 0 or the entry has no dropout.
Tensor dropout(Wiring &w, Tensor x, double p, int64_t rngId);
Tensor activate(GraphBuilder &graph, proto::Ffn::Activation activation, Tensor x);
/// x + f(norm(x)) or norm(x + f(x)), with dropout of a share of f's result.
template <typename Function>
Tensor residual(Wiring &w, const NormParameters &parameters, Tensor x, double share, int64_t rngId,
                Function function) {
  const bool pre = w.definition.norm().placement() == proto::Norm::PRE;
  Tensor added = function(pre ? norm(w, parameters, x) : x);
  Tensor sum = x + dropout(w, added, share, rngId);
  return pre ? sum : norm(w, parameters, sum);
}

// The numbers of the random streams. They are part of a model's meaning: a resumed run and another
// build draw the same masks.
inline constexpr int64_t kEmbeddingDropoutId = 0;
inline constexpr int64_t kPooledDropoutId = 65'534;
inline constexpr int64_t kClassifierDropoutId = 65'535;
inline int64_t attentionDropoutId(int64_t layer) { return 1 + 3 * layer; }
inline int64_t attentionResidualDropoutId(int64_t layer) { return 2 + 3 * layer; }
inline int64_t ffnResidualDropoutId(int64_t layer) { return 3 + 3 * layer; }

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_BUILDER_WIRING_H
