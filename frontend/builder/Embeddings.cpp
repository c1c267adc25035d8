// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "frontend/LayerNames.h"
#include "frontend/builder/Wiring.h"

namespace heddle::frontend {
namespace {

/// The rows of the position table for this entry's tokens, to be added to [B, t, C].
Tensor positionRows(Wiring &w, int64_t tokens) {
  Tensor table = w.graph.parameter(*w.parameters.positionEmbedding);
  const proto::LearnedPositions &learned = w.definition.positions().learned();
  const int64_t offset = learned.offset();
  std::optional<int64_t> padding;
  if (learned.has_padding_id())
    padding = learned.padding_id() + offset;
  if (w.positionIds)
    return w.graph.embedding(table, shifted(w.graph, *w.positionIds, offset), padding);
  // Positions 0 to t - 1 of every row: the first rows of the table, repeated by the sum.
  return w.graph.slice(table, {offset, 0}, {tokens, w.dims.embeddingSum});
}

/// x [B, T, C] with zeros for the tokens that attention_mask hides.
Tensor zeroHidden(Wiring &w, Tensor x) {
  Tensor visible = w.graph.notEqual(*w.keyMask, w.graph.integer(0));
  visible = w.graph.reshape(visible, {w.batch, w.seq, 1});
  return w.graph.select(visible, x, w.graph.scalar(0));
}

} // namespace

Tensor embedTokens(Wiring &w, Tensor ids) {
  LayerScope scope(w.graph, embeddingsPath(w.stack));
  std::optional<int64_t> padding;
  if (w.definition.has_padding_id())
    padding = w.definition.padding_id() + (w.definition.padding_id() < 0 ? w.dims.vocab : 0);
  Tensor x = w.graph.embedding(w.graph.parameter(*w.parameters.tokenEmbedding), ids, padding);
  if (w.definition.scale_embeddings())
    x = x * static_cast<double>(std::sqrt(static_cast<float>(w.dims.width)));
  if (w.parameters.embeddingIn)
    x = linear(w, *w.parameters.embeddingIn, x);
  if (w.tokenTypeIds) {
    Tensor types = w.graph.parameter(*w.parameters.tokenTypeEmbedding);
    x = x + w.graph.embedding(types, *w.tokenTypeIds);
  }
  if (x && w.parameters.positionEmbedding)
    x = x + positionRows(w, x.shape()[1]);
  const bool early = w.definition.project_before_norm();
  auto project = [&] {
    if (w.parameters.embeddingProjection)
      x = linear(w, *w.parameters.embeddingProjection, x);
  };
  if (early)
    project();
  if (w.parameters.embeddingNorm)
    x = norm(w, *w.parameters.embeddingNorm, x);
  if (w.definition.zero_hidden_embeddings() && w.keyMask)
    x = zeroHidden(w, x);
  x = dropout(w, x, w.definition.dropout().embedding(), kEmbeddingDropoutId);
  if (!early)
    project();
  if (w.parameters.distanceEmbedding)
    w.distances = distanceTable(w);
  return x;
}

} // namespace heddle::frontend
