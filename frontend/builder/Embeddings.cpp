// SPDX-License-Identifier: Apache-2.0
#include "frontend/LayerNames.h"
#include "frontend/builder/Wiring.h"

namespace heddle::frontend {
namespace {

/// The rows of the position table for this entry's tokens, to be added to [B, t, C].
Tensor positionRows(Wiring &w, int64_t tokens) {
  Tensor table = w.graph.parameter(*w.parameters.positionEmbedding);
  if (w.positionIds)
    return w.graph.embedding(table, *w.positionIds);
  // Positions 0 to t - 1 of every row: the first rows of the table, repeated by the sum.
  return w.graph.slice(table, {0, 0}, {tokens, w.dims.embedding});
}

} // namespace

Tensor embedTokens(Wiring &w, Tensor ids) {
  LayerScope scope(w.graph, kEmbeddingsPath);
  Tensor table = w.graph.parameter(w.parameters.tokenEmbedding);
  Tensor x = w.graph.embedding(table, ids);
  if (w.tokenTypeIds) {
    Tensor types = w.graph.parameter(*w.parameters.tokenTypeEmbedding);
    x = x + w.graph.embedding(types, *w.tokenTypeIds);
  }
  if (x && w.parameters.positionEmbedding)
    x = x + positionRows(w, x.shape()[1]);
  if (w.parameters.embeddingNorm)
    x = norm(w, *w.parameters.embeddingNorm, x);
  x = dropout(w, x, w.definition.dropout().embedding(), kEmbeddingDropoutId);
  return w.parameters.embeddingProjection ? linear(w, *w.parameters.embeddingProjection, x) : x;
}

} // namespace heddle::frontend
